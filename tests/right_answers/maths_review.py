"""Right answers to the exercises of the lesson on mathematics."""

import numpy as np
from scipy.spatial import distance

from right_answers import right

# squared_distances


@right("squared_distances")
def distances_in_loops(first, second):
    return [[sum((a - b) ** 2 for a, b in zip(u, v, strict=True)) for v in second] for u in first]


@right("squared_distances")
def distances_by_broadcasting(first, second):
    return ((first[:, None, :] - second[None, :, :]) ** 2).sum(axis=2)


@right("squared_distances")
def distances_by_einsum_in_float32(first, second):
    first, second = first.astype(np.float32), second.astype(np.float32)
    squares = np.einsum("ij,ij->i", first, first)[:, None] + np.einsum("ij,ij->i", second, second)[None, :]
    return np.maximum(squares - 2 * np.einsum("id,jd->ij", first, second), 0)


@right("squared_distances")
def distances_by_scipy(first, second):
    return distance.cdist(first, second) ** 2


@right("squared_distances")
def distances_in_tensors(first, second):
    from keras import ops

    return ops.sum((ops.expand_dims(first, 1) - ops.expand_dims(second, 0)) ** 2, axis=-1)


# jacobian


@right("jacobian")
def jacobian_in_loops(function, x):
    x = [float(value) for value in x]
    outputs = len(function(np.array(x)))
    found = [[0.0] * len(x) for _ in range(outputs)]
    for j in range(len(x)):
        ahead, behind = np.array(x), np.array(x)
        ahead[j] += 2e-5
        behind[j] -= 2e-5
        for i in range(outputs):
            found[i][j] = (function(ahead)[i] - function(behind)[i]) / 4e-5
    return found


@right("jacobian")
def jacobian_in_place(function, x):
    place = np.array(x, dtype=np.float64)
    found = np.empty((np.size(function(place)), place.size))
    for j, middle in enumerate(place.copy()):
        place[j] = middle + 1e-5
        above = np.array(function(place))
        place[j] = middle - 1e-5
        found[:, j] = (above - np.array(function(place))) / 2e-5
        place[j] = middle
    return found


@right("jacobian")
def jacobian_by_complex_steps(function, x):
    steps = np.asarray(x) + 1e-30j * np.eye(len(x))
    return np.array([np.imag(function(step)) / 1e-30 for step in steps]).T


@right("jacobian")
def jacobian_by_four_points(function, x):
    def slope(nudge, h=1e-3):
        f = [np.asarray(function(x + times * h * nudge)) for times in (-2, -1, 1, 2)]
        return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)

    return np.column_stack([slope(nudge) for nudge in np.eye(len(x))])


# gps_gradient


@right("gps_gradient")
def gps_in_loops(unknowns, masts, told):
    east, north, b = unknowns
    total = [0.0, 0.0, 0.0]
    for (mast_east, mast_north), target in zip(masts, told, strict=True):
        length = ((east - mast_east) ** 2 + (north - mast_north) ** 2) ** 0.5
        residual = length + b - target
        total[0] += residual * (east - mast_east) / length
        total[1] += residual * (north - mast_north) / length
        total[2] += residual
    return [value / len(told) for value in total]


@right("gps_gradient")
def gps_by_a_jacobian(unknowns, masts, told):
    away = unknowns[:2] - masts
    lengths = np.hypot(*away.T)
    jacobian = np.column_stack([away / lengths[:, None], np.ones(len(masts))])
    return (lengths + unknowns[2] - told) @ jacobian / len(masts)


@right("gps_gradient")
def gps_by_automatic_differentiation(unknowns, masts, told):
    from keras import ops

    from course_lib.gradients import gradients

    def loss(w):
        return 0.5 * ops.mean((ops.sqrt(ops.sum((w[:2] - masts) ** 2, axis=1)) + w[2] - told) ** 2)

    return gradients(loss, unknowns)[0]


@right("gps_gradient")
def gps_in_float32(unknowns, masts, told):
    unknowns, masts = unknowns.astype(np.float32), masts.astype(np.float32)
    away = unknowns[:2] - masts
    lengths = np.linalg.norm(away, axis=1, keepdims=True)
    residuals = lengths + unknowns[2] - told[:, None]
    return np.hstack([residuals * away / lengths, residuals]).mean(axis=0)


# largest_rate


@right("largest_rate")
def rate_by_a_norm(inputs, importance):
    return 2 * len(inputs) / np.linalg.norm(np.sqrt(importance)[:, None] * inputs, 2) ** 2


@right("largest_rate")
def rate_by_power_iteration(inputs, importance):
    direction = np.ones(inputs.shape[1])
    for _ in range(3000):
        direction = inputs.T @ (importance * (inputs @ direction))
        direction /= np.sqrt(direction @ direction)
    return 2 / np.mean(importance * (inputs @ direction) ** 2)


@right("largest_rate")
def rate_in_loops(inputs, importance):
    curvature = sum(c * np.outer(x, x) for x, c in zip(inputs, importance, strict=True)) / len(inputs)
    return 2 / max(np.linalg.eigvalsh(curvature))


@right("largest_rate")
def rate_from_the_other_side(inputs, importance):
    rows = inputs * importance[:, None] ** 0.5
    return 2 / max(np.linalg.eigvalsh(rows @ rows.T)) * inputs.shape[0]


@right("largest_rate")
def rate_in_float32(inputs, importance):
    inputs, importance = inputs.astype(np.float32), np.diag(importance.astype(np.float32))
    return np.float32(2) / np.linalg.eigvals(inputs.T @ importance @ inputs / len(inputs)).real.max()
