"""Trained models as a service: pages to draw on in a browser, and REST for programs.

`settings` are the limits, `server` holds the socket and the signals, `app` the addresses. A request
passes `guard` (hosts, headers) and `log`; `body` reads it within the limits; `pool` hands it to one
of the processes in `worker`, where `pictures` decodes it and `answers` says what the model found;
`questions` and `inside` are about what goes on between its layers, `gallery` about its mistakes.
Nothing that a request sends is kept.
"""
