"""Trained models as a service: pages to draw on in a browser, and REST for programs.

`settings` are the limits, `server` starts all, `listener` holds the socket, `app` the addresses,
`schemas` and `openapi` what FastAPI says of them. A request passes `middleware` (log, hosts,
headers); `body` reads it within the limits; `pool` hands it to one of the processes in `worker`,
where `pictures` decodes it; `inside` is about what goes on between the model's layers, `gallery`
about its mistakes. Nothing that a request sends is kept.
"""
