"""A page that shows a training while it goes on: ``minicnn train --live``.

`view` is the callback that looks at the training now and then, with the help of `curve` and
`filters`; `app` has the addresses; `watch` runs the server in a thread that ends with the training.
The page asks for the newest state every two seconds. Nothing that it does, or leaves, reaches back.
"""
