"""The graph that Keras keeps of a model: which layer was called on what. Nothing else here looks inside Keras."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import keras

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A tensor on its way through the model: its shape without the batch, its type, and the call that made it."""

    spec: keras.KerasTensor
    source: str

    @property
    def shape(self) -> Shape:
        return tuple(self.spec.shape[1:])

    @property
    def dtype(self) -> str:
        return keras.backend.standardize_dtype(self.spec.dtype)


@dataclass(frozen=True)
class Call:
    """One use of a layer (or of a function of `keras.ops`); a layer that is used twice has two."""

    layer: keras.Operation
    name: str
    reads: tuple[Value, ...]
    values: tuple[Value, ...]

    @property
    def inputs(self) -> list[Shape]:
        return [value.shape for value in self.reads]

    @property
    def outputs(self) -> list[Shape]:
        return [value.shape for value in self.values]


def calls_of(model: keras.Model, input_shape=None) -> tuple[list[Call], list[Value]]:
    """Every call of the model, each after those it reads, nested models unfolded; and the outputs of the model.

    `input_shape` replaces the model's own, without the batch; a list of shapes where there are several inputs.
    Raises ValueError if the model has no graph, if a size is not known, or if the shape does not suit the model.
    """
    if not _has_graph(model):
        raise ValueError(
            f"{getattr(model, 'name', model)!r} has no graph to read: anatomy takes a Sequential model that starts "
            "with keras.Input, or a functional one, keras.Model(inputs, outputs)."
        )
    unfolding = _Unfolding()
    feeds = [
        unfolding.note(tensor._keras_history.operation, "", [], [spec])[0]
        for tensor, spec in zip(model.inputs, _input_specs(model, input_shape), strict=True)
    ]
    outputs = unfolding.enter(model, "", feeds)
    return unfolding.calls, outputs


def _has_graph(layer) -> bool:
    if isinstance(layer, keras.Sequential):
        return layer.built and bool(layer.inputs)
    return isinstance(layer, keras.Function) and isinstance(layer, keras.Model)


def _input_specs(model: keras.Model, input_shape) -> list[keras.KerasTensor]:
    if input_shape is None:
        return model.inputs
    shapes = [input_shape] if all(isinstance(size, int) for size in input_shape) else list(input_shape)
    if len(shapes) != len(model.inputs):
        raise ValueError(f"The model has {len(model.inputs)} inputs; input_shape gives {len(shapes)}.")
    return [
        keras.KerasTensor((None, *shape), dtype=tensor.dtype)
        for shape, tensor in zip(shapes, model.inputs, strict=True)
    ]


class _Unfolding:
    def __init__(self):
        self.calls: list[Call] = []
        self._uses: dict[str, int] = {}

    def note(self, layer, prefix: str, reads: list[Value], specs: Iterable[keras.KerasTensor]) -> list[Value]:
        """Write a call down and give the values that come out of it."""
        name = prefix + layer.name
        uses = self._uses[name] = self._uses.get(name, 0) + 1
        if uses > 1:
            name = f"{name} ({uses})"
        values = [Value(spec, name) for spec in specs]
        for value in values:
            if None in value.shape:
                raise ValueError(
                    f"The size of {name} is not known: {value.shape}. Give the sizes of the input, without the batch, "
                    "for example anatomy(model, input_shape=(224, 224, 3))."
                )
        self.calls.append(Call(layer, name, tuple(reads), tuple(values)))
        return values

    def enter(self, model: keras.Model, prefix: str, feeds: list[Value]) -> list[Value]:
        """Follow the values through a model and give those of its outputs."""
        here = {id(tensor): value for tensor, value in zip(model.inputs, feeds, strict=False)}
        for node in _nodes(model.outputs, here):
            reads = [here[id(tensor)] for tensor in node.input_tensors]
            if _has_graph(node.operation):
                values = self.enter(node.operation, f"{prefix}{node.operation.name}/", reads)
            else:
                values = self.note(node.operation, prefix, reads, _outputs(node, reads))
            here.update({id(tensor): value for tensor, value in zip(node.outputs, values, strict=True)})
        return [here[id(tensor)] for tensor in model.outputs]


def _node(tensor: keras.KerasTensor):
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def _nodes(tensors: Iterable[keras.KerasTensor], known: Iterable[int] = ()) -> list:
    """What was called to make the tensors, each after those it reads, back to the tensors whose ids are known."""
    ordered, done = [], set()
    waiting = [_node(tensor) for tensor in reversed(list(tensors)) if id(tensor) not in known]
    while waiting:  # no recursion: a network of a thousand layers is deeper than Python's stack
        node = waiting.pop()
        if id(node) in done:
            continue
        missing = [_node(tensor) for tensor in node.input_tensors if id(tensor) not in known]
        missing = [parent for parent in missing if id(parent) not in done]
        if missing:
            waiting += [node, *reversed(missing)]
        else:
            done.add(id(node))
            ordered.append(node)
    return ordered


def _outputs(node, reads: list[Value]) -> list[keras.KerasTensor]:
    """What the call gives for these inputs, which may have other sizes than those it was made with."""
    if all(value.spec.shape == tensor.shape for value, tensor in zip(reads, node.input_tensors, strict=True)):
        return node.outputs
    specs = {id(tensor): value.spec for tensor, value in zip(node.input_tensors, reads, strict=True)}
    arguments, options = node.arguments.fill_in(specs)
    if isinstance(node.operation, keras.Layer):
        node.operation._assert_input_compatibility(*arguments[:1])
    return keras.tree.flatten(node.operation.compute_output_spec(*arguments, **options))


# Dead branches


def unreachable(made, outputs=None) -> list[str]:
    """The names of the layers that no output depends on: dead branches, and inputs that lead nowhere.

    A functional model silently leaves out what its outputs do not reach. `made` is a model, or a list of the layers and
    tensors that were made; whatever was built on the same inputs is found as well. `outputs` are the tensors that are
    wanted, for a model those of the model. Layers of nested models are named with their path. See lesson 20.
    """
    if outputs is None and not isinstance(made, keras.Model):
        raise ValueError("unreachable needs the outputs that are wanted, or a model that has some.")
    wanted = made.outputs if outputs is None else keras.tree.flatten(outputs)
    alive = {node.operation: None for node in _nodes(wanted)}
    found = {node.operation: None for node in _connected(_first_nodes(made))}
    names = [operation.name for operation in found if operation not in alive]
    nested = [operation for operation in alive if _has_graph(operation)]
    return names + [f"{model.name}/{name}" for model in nested for name in unreachable(model)]


def _first_nodes(made) -> list:
    if isinstance(made, keras.Model):
        return [_node(tensor) for tensor in made.inputs]
    nodes = []
    for thing in keras.tree.flatten(made):
        nodes += thing._inbound_nodes if isinstance(thing, keras.Operation) else [_node(thing)]
    return nodes


def _connected(nodes: list) -> list:
    """All nodes that can be reached from these, along the arrows and against them."""
    found, waiting = {}, list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        made_here = {id(tensor) for tensor in node.outputs}
        readers = [
            reader
            for reader in node.operation._outbound_nodes
            if any(id(tensor) in made_here for tensor in reader.input_tensors)
        ]
        waiting += [*map(_node, node.input_tensors), *reversed(readers)]
    return list(found.values())
