"""What lesson 08 says of features that people made and features that were learnt, measured with five seeds."""

from __future__ import annotations

import functools
import warnings

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course_lib import data
from course_lib.evidence import experiment

PATIENCE, PASSES, AT_LEAST, BATCH = 5, 60, 1000, 50  # passes in vain, passes at most, pictures in a pass, in a step
SOFTMAX = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)  # C of the linear softmax: a larger C is a weaker weight decay
KERNEL = (0.1, 1.0, 10.0, 100.0)  # C of the support vector machine with a Gaussian kernel


# Hand-made features


def direction_maps(images, bins, turn):
    """How steep each picture is at each pixel, shared between the two nearest of `bins` directions of a turn."""
    down, right = np.zeros((2, *images.shape), np.float32)
    down[:, 1:-1], right[:, :, 1:-1] = images[:, 2:] - images[:, :-2], images[:, :, 2:] - images[:, :, :-2]
    steepness, places = np.hypot(down, right), np.arctan2(down, right) % turn * (bins / turn)
    low = np.floor(places)
    share, low = places - low, low.astype(np.int8) % bins
    return [steepness * ((low == place) * (1 - share) + ((low + 1) % bins == place) * share) for place in range(bins)]


def hog(images, cell=4, bins=9):
    """Histograms of oriented gradients of pictures (batch, height, width): (batch, numbers).

    Unsigned directions, votes shared between the two nearest, blocks of 2 x 2 cells, each divided by its length.
    """
    number, rows, columns = len(images), images.shape[1] // cell, images.shape[2] // cell
    maps = [each[:, : rows * cell, : columns * cell] for each in direction_maps(images, bins, np.pi)]
    cells = np.stack([each.reshape(number, rows, cell, columns, cell).mean(axis=(2, 4)) for each in maps], axis=-1)
    corners = [cells[:, down : rows - 1 + down, right : columns - 1 + right] for down in (0, 1) for right in (0, 1)]
    blocks = np.concatenate(corners, axis=-1)
    blocks /= np.sqrt(np.sum(blocks**2, axis=-1, keepdims=True) + 1e-4)
    return blocks.reshape(number, -1).astype(np.float32)


def pieces(images, size=8, step=2, bins=8):
    """Descriptors of all square pieces: signed directions in 2 x 2 cells, each of length 1 (batch, places, 4 bins)."""
    half, maps = size // 2, []
    for votes in direction_maps(images, bins, 2 * np.pi):
        sums = np.pad(votes.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
        cells = sums[:, half:, half:] - sums[:, :-half, half:] - sums[:, half:, :-half] + sums[:, :-half, :-half]
        maps += [cells[:, top:, left:] for top in (0, half) for left in (0, half)]
    rows, columns = (side - size + 1 for side in images.shape[1:])
    found = np.stack([each[:, :rows:step, :columns:step] for each in maps], axis=-1).astype(np.float32)
    found = found.reshape(len(images), -1, 4 * bins)
    return found / (np.linalg.norm(found, axis=-1, keepdims=True) + 0.1)


def vocabulary(descriptors, words, rng):
    """The middles of `words` clusters of descriptors, found by k-means from some of them."""
    from sklearn.cluster import MiniBatchKMeans

    flat = descriptors.reshape(-1, descriptors.shape[-1])
    some = flat[rng.choice(len(flat), min(len(flat), 20_000), replace=False)]
    means = MiniBatchKMeans(words, n_init=1, batch_size=2048, max_iter=30, random_state=int(rng.integers(1 << 31)))
    return means.fit(some).cluster_centers_.astype(np.float32)


def word_histograms(descriptors, words):
    """For each picture the root of each word's share of its pieces."""
    nearest = np.array([(np.sum(words**2, axis=1) - 2 * each @ words.T).argmin(axis=1) for each in descriptors])
    counts = np.stack([np.bincount(each, minlength=len(words)) for each in nearest])
    return np.sqrt(counts / nearest.shape[1])


def saturation(images):
    """How colourful each pixel is: its largest channel minus its smallest."""
    return images.max(axis=-1) - images.min(axis=-1)


# Textures


@functools.cache
def bank(size=11, sigma=1.7):
    """12 pairs of Gabor filters, even and odd, of two wavelengths and six directions: (24, size, size), of mean 0."""
    down, right = np.mgrid[:size, :size] - size // 2
    filters = []
    for wavelength in (4, 7):
        for angle in np.pi * np.arange(6) / 6:
            wave = np.exp(2j * np.pi * (right * np.cos(angle) + down * np.sin(angle)) / wavelength)
            pair = wave * np.exp(-(right**2 + down**2) / (2 * sigma**2))
            filters += [pair.real - pair.real.mean(), pair.imag - pair.imag.mean()]
    return np.array(filters, np.float32)


def responses(patches):
    """The bank laid on every place where it fits: (batch, height, width, 24)."""
    filters = bank()
    windows = sliding_window_view(patches, filters.shape[1:], axis=(1, 2))
    shape = windows.shape[:3]
    flat = filters.reshape(len(filters), -1).T
    return np.stack([each.reshape(-1, len(flat)) @ flat for each in windows]).reshape(*shape, -1)


def log_energies(answers):
    """For each patch the logarithm of the mean energy of each pair."""
    squares = np.mean(answers**2, axis=(1, 2))
    return np.log(squares[:, 0::2] + squares[:, 1::2])


def inside_blocks(answers, side=32, block=16):
    """Only the answers of filters that lie wholly inside a block: (batch, places, filters)."""
    reach = side - answers.shape[1]  # a filter's size, less 1
    fits = np.flatnonzero(np.arange(answers.shape[1]) % block < block - reach)
    return answers[:, fits][:, :, fits].reshape(len(answers), -1, answers.shape[-1])


def blocks_moved(patches, block, rng):
    """Each patch cut into square blocks, which are laid again in a random order."""
    moved = np.empty_like(patches)
    side = patches.shape[1] // block
    for patch, new in zip(patches, moved, strict=True):
        order = rng.permutation(side * side)
        for place, source in enumerate(order):
            top, left = np.array(divmod(place, side)) * block
            row, column = np.array(divmod(source, side)) * block
            new[top : top + block, left : left + block] = patch[row : row + block, column : column + block]
    return moved


def standard(patches):
    """Every patch with mean 0 and standard deviation 1."""
    patches = patches[..., 0]
    patches = patches - patches.mean(axis=(1, 2), keepdims=True)
    return patches / patches.std(axis=(1, 2), keepdims=True)


def grey_histogram(patches):
    """The share of pixels in each of 16 ranges."""
    edges = np.linspace(-3, 3, 15)
    return np.stack([np.bincount(np.digitize(each.ravel(), edges), minlength=16) for each in patches]) / 1024


# Classifiers


class SoftmaxReader:
    """The linear softmax of lesson 05 with weight decay, all features divided by one number."""

    def __init__(self, features):
        self.features = features / features.std()
        self.spread = features.std()

    def fit(self, labels, strength):
        from sklearn.linear_model import LogisticRegression

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the last digit of the loss has not settled
            self.model = LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(self.features, labels)

    def read(self, features):
        return self.model.predict(features / self.spread)


class KernelReader:
    """A support vector machine with a Gaussian kernel, of the width that scikit-learn calls "scale"."""

    def __init__(self, features):
        self.features = features
        self.sharpness = 1 / (features.shape[1] * features.var())
        self.own = self.alike(features)

    def alike(self, others):
        squares = (others**2).sum(axis=1)[:, None] + (self.features**2).sum(axis=1) - 2 * others @ self.features.T
        return np.exp(-self.sharpness * np.maximum(squares, 0))

    def fit(self, labels, strength):
        from sklearn.svm import SVC

        self.model = SVC(C=strength, kernel="precomputed").fit(self.own, labels)

    def read(self, features):
        parts = np.array_split(features, max(1, len(features) // 2000))
        return np.concatenate([self.model.predict(self.alike(part)) for part in parts])


TOPS = {"softmax": (SoftmaxReader, SOFTMAX), "kernel": (KernelReader, KERNEL)}


def on_top(parts, labels, tops=("softmax", "kernel")):
    """A row for each classifier on the same features, its strength chosen on the validation part.

    parts, labels: of the training, the validation and the test part
    """
    for top in tops:
        make, strengths = TOPS[top]
        reader, tried = make(parts[0]), []
        for strength in strengths:
            reader.fit(labels[0], strength)
            model, wrong = reader.model, np.mean(reader.read(parts[1]) != labels[1])
            tried.append((wrong, strength, model))
        wrong, strength, reader.model = min(tried, key=lambda each: each[:2])
        error = np.mean(reader.read(parts[2]) != labels[2])
        yield {"top": top, "strength": strength, "validation_error": wrong, "test_error": error}


# A network


class Net:
    """Filters of 5 x 5 and 3 x 3 on every place, each followed by ReLU and the largest of 2 x 2; then ten units."""

    def __init__(self, shape, filters, classes):
        import keras
        import tensorflow as tf

        def build():
            model = keras.Sequential([keras.Input(shape)])
            for place, number in enumerate(filters):
                model.add(
                    keras.layers.Conv2D(
                        number,
                        3 if place else 5,
                        padding="same",
                        activation="relu",
                        kernel_initializer="he_normal",
                    )
                )
                model.add(keras.layers.MaxPooling2D())
            for layer in (keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(classes)):
                model.add(layer)
            return model

        self.build, self.model = build, build()
        self.features = keras.Model(self.model.inputs[0], self.model.layers[-3].output)
        self.optimizer = keras.optimizers.Adam()
        self.optimizer.build(self.model.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        @tf.function(reduce_retracing=True)
        def steps(images, labels, order):
            for batch in order:
                with tf.GradientTape() as tape:
                    logits = self.model(tf.gather(images, batch), training=True)
                    loss = self.loss(tf.gather(labels, batch), logits)
                variables = self.model.trainable_variables
                self.optimizer.apply(tape.gradient(loss, variables), variables)

        self.steps = steps
        self.answer = tf.function(lambda images: self.model(images, training=False), reduce_retracing=True)

    def restart(self, seed, rate):
        """Fresh weights of this seed."""
        import keras

        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build().get_weights())
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        self.optimizer.learning_rate = rate

    def logits(self, images):
        return np.concatenate([self.answer(part) for part in np.array_split(images, max(1, len(images) // 500))])

    def read(self, images):
        parts = np.array_split(images, max(1, len(images) // 500))
        return np.concatenate([np.asarray(self.features(part, training=False)) for part in parts])

    def train(self, images, labels, validation, validation_labels, rng):
        """Until the validation loss has not fallen for long; keeps the weights of its best pass."""
        import tensorflow as tf

        pictures, targets = tf.constant(images), tf.constant(labels)
        best = (np.inf,)
        for number in range(1, PASSES + 1):
            order = np.concatenate([rng.permutation(len(images)) for _ in range(max(1, AT_LEAST // len(images)))])
            self.steps(pictures, targets, tf.constant(order.reshape(-1, BATCH)))
            logits = self.logits(validation)
            loss = float(self.loss(validation_labels, logits))
            if loss < best[0]:
                wrong = np.mean(logits.argmax(axis=1) != validation_labels)
                best = loss, wrong, number, self.model.get_weights()
            elif number - best[2] >= PATIENCE:
                break
        self.model.set_weights(best[3])
        return {"validation_loss": best[0], "validation_error": best[1], "passes": best[2]}


@functools.cache
def net(shape, filters, classes):
    return Net(shape, filters, classes)


# Textures, digits, shapes


@experiment(seeds=5)
def textures(seed):
    """Brick, grass, gravel: five features under a linear softmax; then test patches cut into blocks and laid anew."""
    parts = data.textures(32)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(parts.train))
    test = standard(parts.test.images)
    tests = {
        "as it was": test,
        "blocks of 16 moved": blocks_moved(test, 16, rng),
        "all pixels shuffled": rng.permuted(test.reshape(len(test), -1), axis=1).reshape(test.shape),
    }
    for size in (30, 150, 600):
        known = standard(parts.train.images[order[:size]])
        labels = [parts.train.labels[order[:size]], parts.validation.labels, parts.test.labels]
        patches = [known, standard(parts.validation.images), *tests.values()]
        answers = [responses(each) for each in patches]
        flat = [each.reshape(len(each), -1, 24) for each in answers]
        inside = [inside_blocks(each) for each in answers]
        textons, inner = (vocabulary(each[0], 48, rng) for each in (flat, inside))
        features = {
            "pixels": [each.reshape(len(each), -1) for each in patches],
            "HOG": [hog(each) for each in patches],
            "grey histogram": [grey_histogram(each) for each in patches],
            "energies of 12 pairs": [log_energies(each) for each in answers],
            "48 textons": [word_histograms(each, textons) for each in flat],
            "48 textons, no seams": [word_histograms(each, inner) for each in inside],
        }
        for name, (*first_two, intact, moved, shuffled) in features.items():
            reader, tried = SoftmaxReader(first_two[0]), []
            for strength in SOFTMAX:
                reader.fit(labels[0], strength)
                tried.append((np.mean(reader.read(first_two[1]) != labels[1]), strength, reader.model))
            wrong, strength, reader.model = min(tried, key=lambda each: each[:2])
            for test_patches, read in zip(tests, (intact, moved, shuffled), strict=True):
                row = {"features": name, "examples": size, "test_patches": test_patches, "strength": strength}
                yield row | {"validation_error": wrong, "test_error": np.mean(reader.read(read) != labels[2])}




def contest(seed, size, parts, hand_made, filters, rates):
    """Hand-made and learnt features under the same classifiers, for `size` of the pictures; a row for each.

    parts: images and labels to draw from, to validate and to test; hand_made: name -> function of the images
    """
    rng = np.random.default_rng([seed, size])
    (known, known_labels), *others = parts
    picked = rng.permutation(len(known))[:size]
    images, labels = [known[picked], *(part for part, _ in others)], [known_labels[picked], *(t for _, t in others)]
    learner, best = net(images[0].shape[1:], filters, int(labels[0].max()) + 1), None
    for rate in rates:
        learner.restart(seed, rate)
        told = learner.train(images[0], labels[0], images[1], labels[1], rng)
        yield {"examples": size, "features": "learnt", "top": "none", "rate": rate, **told, "test_error": np.nan}
        if best is None or told["validation_loss"] < best[0]["validation_loss"]:
            error = np.mean(learner.logits(images[2]).argmax(axis=1) != labels[2])
            best = told | {"rate": rate, "test_error": error}, [learner.read(part) for part in images]
    yield {"examples": size, "features": "learnt", "top": "its own", **best[0]}
    features = {"learnt": best[1]}
    for name, function in hand_made.items():
        features[name] = [function(part).reshape(len(part), -1) for part in images]
    for name, each in features.items():
        for row in on_top(each, labels):
            yield {"examples": size, "features": name, **row}


@functools.cache
def mnist_parts():
    mnist = data.mnist()
    return [(part.images, part.labels) for part in (mnist.train, mnist.validation[:1000], mnist.test)]


@functools.cache
def of_fixed(part):
    """HOG of the validation part (1) or the test part (2) of MNIST."""
    return hog(mnist_parts()[part][0][..., 0])


def hog_of(images):
    fixed = [part for part in (1, 2) if images is mnist_parts()[part][0]]
    return of_fixed(fixed[0]) if fixed else hog(images[..., 0])


@experiment(seeds=5)
def digits(seed):
    """MNIST: pixels, HOG and learnt filters, under a linear softmax and a kernel machine; on all 10,000 test digits."""
    hand_made = {"pixels": lambda images: images, "HOG": hog_of}
    for size in (100, 500, 2000):
        yield from contest(seed, size, mnist_parts(), hand_made, (16, 32), (0.001, 0.003, 0.01))


@experiment(seeds=5)
def shapes(seed):
    """2,000 coloured shapes: features made by hand, each with another idea, and learnt ones."""
    drawn = [data.shapes(2000, seed=seed), data.shapes(1000, seed=1001), data.shapes(2000, seed=1002)]
    words = vocabulary(pieces(saturation(drawn[0].images[:300])), 100, np.random.default_rng(seed))
    hand_made = {
        "HOG, grey": lambda images: hog(images.mean(axis=-1)),
        "HOG, saturation": lambda images: hog(saturation(images)),
        "words, saturation": lambda images: word_histograms(pieces(saturation(images)), words),
    }
    yield from contest(seed, 2000, [(part.images, part.labels) for part in drawn], hand_made, (8, 16, 32), (0.002, 0.004, 0.01))
