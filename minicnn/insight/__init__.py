"""Looking inside: where a number comes from, how a gradient went back, what is wrong with a net.

`trace` and `trace_gradient` take one number apart, `Walk` shows ``backward`` step by step,
`draw_graph` draws the tape, `diagnose` and `DoctorCallback` look for the
usual mistakes of training.
"""
