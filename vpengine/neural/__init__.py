"""Generated images: generators (what to make) and runtimes (what runs their networks).

    loop > NeuralProcess (here, main thread) > shared memory > worker (its own process) > Generator > Runtime

The only package that imports inference libraries, and only the worker process does. A new generator or runtime is one
file and one line here.
"""

GENERATORS = {
    "weather": "vpengine.neural.weather:Weather",
    "none": "vpengine.neural.none:NoGenerator",
    "drill": "vpengine.neural.drill:Drill",
}

RUNTIMES = {
    "auto": "vpengine.neural.auto:AutoRuntime",
    "onnxruntime": "vpengine.neural.onnx_runtime:OnnxRuntime",
    "openvino": "vpengine.neural.openvino_runtime:OpenVinoRuntime",
    "none": "vpengine.neural.none:NoRuntime",
}
