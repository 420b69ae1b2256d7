"""From a request to stem files, one stage per module, files only at the two ends.

context   clips -> given stems at the model's rate, aligned to the request's bar line
codec     audio <-> latents, long pieces in parts
generate  encode, sample, decode: the page to read first
render    session rate, exact length, level
verdict   what was measured on each stem
run       all of it for one request, with files and a receipt
"""
