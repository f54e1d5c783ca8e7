"""A fresh process that loads a trained net and answers one sample.

save_NAME(folder) writes what a training leaves behind, the net of digits in float32;
NAME(folder), in a new process, loads it and gives the scores of one sample. The imports
stand in the functions, as they are most of what is measured.
"""


def sample():
    """Grey values from 0 to 1 (1, 784), without numpy.random, which loads slowly."""
    import numpy as np

    return np.linspace(0, 1, 784, dtype=np.float32)[None]


def save_numpy(folder):
    import numpy as np
    from workloads import digits_start

    names = "w1", "b1", "w2", "b2", "w3", "b3"
    np.savez(f"{folder}/net.npz", **dict(zip(names, digits_start())))


def numpy(folder):
    import numpy as np

    with np.load(f"{folder}/net.npz") as net:
        w1, b1, w2, b2, w3, b3 = net.values()
    h1 = np.maximum(np.dot(sample(), w1) + b1, 0)  # (1, 256)
    h2 = np.maximum(np.dot(h1, w2) + b2, 0)  # (1, 256)
    return np.dot(h2, w3) + b3  # (1, 10)


save_baseline = save_numpy


def baseline(folder):
    """What any program with NumPy and its net in a .npz file has to do."""
    import numpy as np

    with np.load(f"{folder}/net.npz") as net:
        w1, b1, w2, b2, w3, b3 = net.values()
    return sample()[:0]


def save_micrograd(folder):
    from frameworks.micrograd import mlp
    from workloads import digits_start

    mlp(784, [256, 256, 10], digits_start()).save(f"{folder}/net.npz")


def micrograd(folder):
    import numpy as np

    from micrograd import nn

    model = nn.MLP(784, [256, 256, 10], dtype=np.float32)
    model.load(f"{folder}/net.npz")
    return model(sample()).data


def save_micrograd_compiled(folder):
    from frameworks.micrograd import lazy_scores

    from micrograd import compiled

    compiled(lazy_scores()).save(f"{folder}/answer.py", parameters=True)


def micrograd_compiled(folder):
    import sys

    sys.path.insert(0, folder)
    from answer import step

    return step(x=sample())


save_jax = save_numpy


def jax(folder):
    import jax
    import numpy as np

    @jax.jit
    def net(parameters, x):
        w1, b1, w2, b2, w3, b3 = parameters
        h1 = jax.nn.relu(x @ w1 + b1)
        h2 = jax.nn.relu(h1 @ w2 + b2)
        return h2 @ w3 + b3

    with np.load(f"{folder}/net.npz") as parameters:
        return net(list(parameters.values()), sample())


def save_tensorflow(folder):
    import tensorflow as tf
    from frameworks.tensorflow import net
    from workloads import digits_start

    module = tf.Module()
    module.parameters = list(map(tf.Variable, digits_start()))
    module.scores = tf.function(
        lambda x: net(module.parameters, x), [tf.TensorSpec((None, 784))]
    )
    tf.saved_model.save(module, folder)


def tensorflow(folder):
    import tensorflow as tf

    module = tf.saved_model.load(folder)
    return module.scores(tf.constant(sample())).numpy()


def torch_net():
    from torch import nn

    return nn.Sequential(
        *(nn.Linear(784, 256), nn.ReLU()),
        *(nn.Linear(256, 256), nn.ReLU()),
        nn.Linear(256, 10),
    )


def save_torch(folder):
    import torch
    from workloads import digits_start

    net = torch_net()
    with torch.no_grad():
        for p, data in zip(net.parameters(), digits_start()):
            p.copy_(torch.from_numpy(data.T))
    torch.save(net.state_dict(), f"{folder}/net.pt")


def torch(folder):
    import torch

    net = torch_net()
    net.load_state_dict(torch.load(f"{folder}/net.pt"))
    with torch.inference_mode():
        return net(torch.from_numpy(sample()))


def save_onnxruntime(folder):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from workloads import digits_start

    names = "w1", "b1", "w2", "b2", "w3", "b3"
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["z1"]),
        helper.make_node("Relu", ["z1"], ["h1"]),
        helper.make_node("Gemm", ["h1", "w2", "b2"], ["z2"]),
        helper.make_node("Relu", ["z2"], ["h2"]),
        helper.make_node("Gemm", ["h2", "w3", "b3"], ["scores"]),
    ]
    x, scores = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (None, n))
        for name, n in (("x", 784), ("scores", 10))
    )
    parameters = map(numpy_helper.from_array, digits_start(), names)
    graph = helper.make_graph(nodes, "net", [x], [scores], list(parameters))
    versions = [helper.make_opsetid("", 13)]  # these operators' last change
    ir = helper.find_min_ir_version_for(versions)  # which older runtimes read, too
    model = helper.make_model(graph, opset_imports=versions, ir_version=ir)
    onnx.checker.check_model(model)
    onnx.save(model, f"{folder}/net.onnx")


def onnxruntime(folder):
    import onnxruntime

    session = onnxruntime.InferenceSession(
        f"{folder}/net.onnx", providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": sample()})[0]
