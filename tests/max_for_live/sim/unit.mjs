// node unit.mjs SCRIPT CALLS.json: calls pure functions of the shipped script and prints the answers.

import fs from "node:fs";
import vm from "node:vm";

const [script, calls] = process.argv.slice(2).map((path) => fs.readFileSync(path, "utf-8"));
const context = vm.createContext({ inlets: 0, outlets: 0, autowatch: 0, outlet() {} });
vm.runInContext(script, context);
const inner = vm.runInContext("STEMBRIDGE", context);
const answers = JSON.parse(calls).map(([name, ...args]) =>
  typeof inner[name] === "function" ? inner[name](...args) : inner[name],
);
process.stdout.write(JSON.stringify(answers.map((one) => (one === undefined ? null : one))));
