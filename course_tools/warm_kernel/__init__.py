"""A Jupyter kernel that starts in a fraction of a second, with Keras imported.

Jupyter runs `launcher`. It finds the fork server of this user and this environment by way of `meeting`, or starts it,
and hands over its streams, folder, environment and arguments. `server` forks a process that becomes an ordinary
ipykernel; the launcher stays, passes signals on, and ends as the kernel ends. Wherever any of this is not possible the
launcher itself becomes an ordinary kernel. `specification` tells Jupyter about it.
"""
