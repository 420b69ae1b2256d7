"""The networks (torch; offline side): codecs, denoisers, and the preconditioning they share.

`registry.build(kind, config)` makes a network from a checkpoint's `config.json`; `presets.PRESETS`
names the configurations of the papers. Serving runs their exports and never imports this package.
"""
