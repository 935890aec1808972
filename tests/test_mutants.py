"""The wrong answers that are made from right ones: which there are, and that they are what they say."""

import ast

import numpy as np
import pytest
from mutants.result import in_float32, spoiled_functions, spoiled_values
from mutants.source import mutants

SUMS = '''
def sums(values, first):
    """values (rows, columns). Returns (rows,)."""
    total = np.zeros(len(values))
    for column in range(first, values.shape[1]):
        total += values[:, column]
    return total / 2
'''


def changes(source: str) -> dict[str, str]:
    return {mutant.change: mutant.source for mutant in mutants(source)}


@pytest.mark.parametrize(
    ("expression", "others"),
    [
        ("a + b * 2", ["a - b * 2", "a", "b * 2", "a + b / 2", "a + b", "a + 2", "a + b * 3", "(a + b) * 2"]),
        ("a // b", ["a / b", "b // a"]),
        ("a @ b", ["a * b", "b @ a", "a.T @ b", "a @ b.T"]),
        ("0 <= a < b", ["0 < a < b", "a < b", "0 <= a", "0 <= a <= b", "0 <= a > b"]),
        ("a == b", ["a != b", "a <= b"]),
        ("a != b", ["a == b", "a > b"]),
        ("a > 0", ["a >= 0", "a - 0", "np.sign(a - 0)", "np.clip(a - 0, 0, 1)"]),
        ("np.unique(a)", ["np.unique(np.abs(a))", "np.unique(np.sum(a, axis=-1))", "np.unique(a[:1])"]),
        ("np.sqrt(a + b)", ["np.sqrt(a) + b"]),
        ("np.sqrt(a) + b", ["np.sqrt(a + b)"]),
        ("np.zeros(a)", ["np.zeros(a, dtype=int)"]),
        ("a and b", ["a or b", "a", "b"]),
        ("-a", ["a"]),
        ("a if b else 1", ["a", "1", "1 if b else a"]),
        ("a[b, 1:]", ["a", "a[b, :]", "a[b, 2:]", "a[1:, b]"]),
        ("a[b:b + 2]", ["a[:b + 2]", "a[b:]", "a[b + 1:b + 2]", "a[b:b + 2 - 1]"]),
        ("a[b]", ["a[b + 1]", "a[b - 1]"]),
        ("a[::b]", ["a[:]"]),
        ("np.sum(a, axis=0)", ["np.mean(a, axis=0)", "np.sum(a)", "np.sum(a, axis=1)", "np.sum(a, axis=-1)", "a"]),
        ("np.max(a, keepdims=True)", ["np.min(a, keepdims=True)", "np.max(a)", "np.max(a, keepdims=False)"]),
        ("np.where(a, b, 1)", ["np.where(b, a, 1)", "np.where(a, 1, b)"]),
        ("np.argmax(np.exp(a))", ["np.argmin(np.exp(a))", "np.argmax(np.log(a))", "np.argmax(a)"]),
        ("np.maximum(a, 0)", ["np.minimum(a, 0)"]),
        ("a.copy()", ["a"]),
        ("a.T", ["a"]),
        ("a[:, None]", ["a[None, :]", "a"]),
        ("np.einsum('ij,jk->ik', a, b)", ["np.einsum('ij,jk->ki', a, b)"]),
        ("[a, b]", ["[b, a]", "[a]", "[a, a, b]"]),
        ("[2 * a for a in b if a]", ["[2 * a for a in b]", "[2 * a for a in list(b)[1:] if a]"]),
        ("0.5 * a", ["1.0 * a", "-0.5 * a", "0.0 * a"]),
        ("f(a, activation='relu')", ["f(a, activation='tanh')", "f(a, activation=None)", "f(a)"]),
        ("f(a, padding='same')", ["f(a, padding='valid')"]),
        ("a * True", ["a * False"]),
    ],
)
def test_expressions_are_changed_in_every_way(expression, others):
    found = {mutant.source for mutant in mutants(f"def f(a, b):\n    return {expression}")}
    missing = [other for other in others if ast.unparse(ast.parse(f"def f(a, b):\n    return {other}")) not in found]
    assert not missing, found


def test_statements_are_left_out_and_loops_cut_short():
    found = set(changes(SUMS).values())
    kept = ast.unparse(ast.parse(SUMS))
    for before, after in (
        ("total += values[:, column]", "pass"),
        ("total += values[:, column]", "total -= values[:, column]"),
        ("total += values[:, column]", "total = values[:, column]"),
        ("total += values[:, column]", "total += values[:, column]\n        break"),
        ("range(first, values.shape[1])", "list(range(first, values.shape[1]))[::-1]"),
        ("range(first, values.shape[1])", "range(first)"),
        ("np.zeros(len(values))", "np.ones(len(values))"),
        ("total = np.zeros(len(values))", "pass"),
        ("values[:, column]", "values[column, :]"),
        ("values[:, column]", "values[:, first]"),
        ("return total / 2", "return total // 2"),
    ):
        assert kept.replace(before, after) in found, after


def test_each_change_comes_once_and_is_named_by_what_it_changes():
    found = mutants(SUMS)
    assert len({mutant.source for mutant in found}) == len({mutant.change for mutant in found}) == len(found) >= 50
    assert ast.unparse(ast.parse(SUMS)) not in {mutant.source for mutant in found}
    shifted = changes("\n\n# a comment\n" + SUMS)
    assert list(shifted) == list(changes(SUMS)), "a change keeps its name when lines move"
    assert "total / 2" in "".join(shifted) and "Returns" not in "".join(shifted)


def test_what_has_no_say_is_not_changed():
    found = mutants("def f(a, b):\n    import numpy as np\n    return list(zip(a, b, strict=True))")
    assert not [mutant for mutant in found if "strict=False" in mutant.source or "zip(a, b)" in mutant.source]


def test_results_are_spoiled_one_after_the_other():
    def right(values):
        return values * 2, values.sum()

    spoiled = dict(spoiled_functions(right, parts=2))
    assert spoiled["result 1 of 2: negated"](np.array([1.0, 2.0]))[0].tolist() == [-2, -4]
    assert spoiled["result 2 of 2: 1 more"](np.array([1.0, 2.0]))[1] == 4
    assert dict(spoiled_functions(lambda a: a > 1, 1))["the result: negated"](np.array([1, 2])).tolist() == [
        True,
        False,
    ]


def test_values_are_spoiled_place_by_place():
    found = dict(spoiled_values([1.5, -1, -1]))
    assert found["value 2 with another sign"].tolist() == [1.5, 1, -1]
    assert found["value 1 with another presence"].tolist() == [0, -1, -1]
    assert all(not np.array_equal(value, [1.5, -1, -1]) for value in found.values())


def test_float32_is_passed_on_through_lists():
    seen = []

    def right(arrays, number):
        seen.extend([arrays[0].dtype, type(number)])
        return arrays[0] / 3

    assert in_float32(right)([np.ones(2)], 4).dtype == np.float32
    assert seen == [np.float32, int]


# Models


def small():
    """A picture to two probabilities."""
    import keras

    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(3, 3, padding="same", activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def block(x, filters):
    """A branch and a shortcut."""
    import keras

    y = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return keras.layers.Add()([keras.layers.ReLU()(y), x])


def layers_of(model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "InputLayer"]


def block_model(block):
    import keras

    x = keras.Input((4, 4, 3))
    return keras.Model(x, block(x, 3))


def test_a_model_is_edited_layer_by_layer():
    from mutants.model import edits, mutated

    found = {edit.change: edit for edit in edits(small, [()])}
    kept = ["Conv2D", "BatchNormalization", "MaxPooling2D", "Flatten", "Dense"]

    def after(change):
        return mutated(small, found[change])()

    assert layers_of(small()) == kept
    assert layers_of(after("Conv2D 1: left out")) == kept[1:]
    assert layers_of(after("Dense 1: twice")) == [*kept, "Dense"]
    assert layers_of(after("Dense 1: softmax after it")) == [*kept, "Activation"]
    assert layers_of(after("Flatten 1: dropout after it")) == [*kept[:4], "Dropout", "Dense"]
    swapped = after("Conv2D 1: swapped with the next, BatchNormalization 1")
    assert sorted(layers_of(swapped)) == sorted(kept) and swapped.layers[1].__class__.__name__ == "BatchNormalization"
    for change, layer, setting, value in (
        ("Conv2D 1: activation linear for tanh", 1, "activation", "linear"),
        ("Conv2D 1: one of the filters less", 1, "filters", 2),
        ("Conv2D 1: kernel_size larger", 1, "kernel_size", (5, 5)),
        ("Conv2D 1: other padding", 1, "padding", "valid"),
        ("Conv2D 1: other strides", 1, "strides", (2, 2)),
        ("Conv2D 1: other use_bias", 1, "use_bias", False),
        ("Conv2D 1: dilated", 1, "dilation_rate", (2, 2)),
        ("Conv2D 1: not trainable", 1, "trainable", False),
        ("BatchNormalization 1: other center", 2, "center", False),
        ("MaxPooling2D 1: other strides", 3, "strides", (1, 1)),
        ("Dense 1: one of the units more", 5, "units", 3),
    ):
        config = after(change).layers[layer].get_config()
        assert config.pop(setting) == value, change
        original = small().layers[layer - 1].get_config()
        unchanged = original.keys() - {setting, "name"}
        assert {name: config[name] for name in unchanged} == {name: original[name] for name in unchanged}, change


def test_a_block_is_edited_wherever_it_is_built():
    import keras
    from mutants.model import edits, mutated

    found = {edit.change: edit for edit in edits(block, [(keras.Input((4, 4, 3)), 3)])}
    straight = block_model(mutated(block, found["Add 1: one input left out"]))
    assert layers_of(straight) == []  # what is left is the shortcut
    swapped = block_model(mutated(block, found["Conv2D 1: swapped with the next, ReLU 1"]))
    assert layers_of(swapped) == ["ReLU", "Conv2D", "Add"]
    assert mutated(block, found["Conv2D 1: one of the filters more"])(keras.Input((4, 4, 1)), 2).shape[-1] == 3


def test_a_layer_may_be_used_again_for_another():
    from mutants.model import edits, mutated

    def deep():
        import keras

        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), keras.layers.Dense(3)])

    found = {edit.change: edit for edit in edits(deep, [()])}
    assert deep().count_params() == 24
    assert mutated(deep, found["Dense 2: Dense 1 once more"])().count_params() == 12


def test_right_forms_compute_the_same_and_look_different():
    import keras
    from mutants.model import right_forms

    picture = np.random.default_rng(0).normal(size=(2, 4, 4, 1)).astype("float32")
    forms = {words: build() for words, build in right_forms(small).items()}
    for words in ("activations as layers", "nested", "subclassed", "names"):
        original = small()
        forms[words].set_weights(original.get_weights())
        assert np.allclose(forms[words](picture), original(picture), atol=1e-6), words
    assert layers_of(forms["activations as layers"]).count("Activation") == 2
    assert isinstance(forms["nested"].layers[1], keras.Model)
    assert type(forms["subclassed"]).__mro__[1] is keras.Model
    assert forms["epsilon and momentum"].layers[2].epsilon == 1e-5
    assert np.all(forms["initial values"].layers[2].gamma == 0)
    assert all(len(block_model(form).layers) >= 2 for form in right_forms(block).values())
