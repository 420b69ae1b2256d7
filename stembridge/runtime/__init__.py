"""Opening a model artifact and running it: manifest, verification, ONNX Runtime, TorchScript.

Flow: `load.load_model(directory)` reads `manifest.Manifest`, verifies every file's SHA-256, and
returns a `model.StemModel`. Importing this package imports neither torch nor onnxruntime.
"""
