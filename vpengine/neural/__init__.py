"""Generated images: generators (what to make), runtimes (what runs their networks), hosts (where both of them live).

    loop > GeneratorHost: ProcessHost (main thread) > shared memory > worker (its own process) > Generator > Runtime
    and back: worker > shared memory > Carrier (a thread, that copies) > ProcessHost > loop
    on an NVIDIA card: ThreadHost (main thread) > page-locked memory > the same worker (a thread, that copies) > ...

The only package that imports inference libraries: runtimes do, and generators inside their constructors, so that only
a worker has them. A new generator or runtime is one file and one line here; the engine reads from a generator's class
what it declares: its controls, its limits, when it leaves the plate as it is.
"""

GENERATORS = {
    "weather": "vpengine.neural.weather:Weather",
    "diffusion": "vpengine.neural.diffusion:Diffusion",
    "look": "vpengine.neural.trained_look:TrainedLook",
    "none": "vpengine.neural.none:NoGenerator",
    "drill": "vpengine.neural.drill:Drill",
}

RUNTIMES = {
    "auto": "vpengine.neural.auto:AutoRuntime",
    "onnxruntime": "vpengine.neural.onnx_runtime:OnnxRuntime",
    "openvino": "vpengine.neural.openvino_runtime:OpenVinoRuntime",
    "torch": "vpengine.neural.torch_runtime:TorchRuntime",
    "tensorrt-rtx": "vpengine.neural.tensorrt_runtime:TensorRtRtxRuntime",
    "tensorrt": "vpengine.neural.tensorrt_runtime:TensorRtRuntime",
    "none": "vpengine.neural.none:NoRuntime",
}
