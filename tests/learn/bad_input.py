"""Everything that a student's file may do wrong, as an `im2col`, and what the check says of it."""

IM2COL = """
def im2col(x, kernel, stride=(1, 1), padding="valid"):
    {before}
    n, height, width, c = x.shape
    out = out_size((height, width), kernel, stride, padding)
    cols = np.empty((n, *out, kernel[0] * kernel[1], c), x.dtype)
    padded = pad(x, kernel, stride, padding)
    for k, cell in enumerate(cells(padded, kernel, stride, out)):
        cols[:, :, :, k] = cell
    cols = cols.reshape(n, *out, -1)
    {after}
    return cols
"""


def body(before: str = "pass", after: str = "pass") -> str:
    return IM2COL.format(before=before, after=after)


BAD = {
    "endless loop": (body("while True: pass"), "timeout", "not done when its time was over"),
    "sleep": (body("import time; time.sleep(1000)"), "timeout", "not done when its time was over"),
    "endless recursion": (
        body("return im2col(x, kernel, stride, padding)"),
        "crash",
        "calls itself too often in line",
    ),
    "memory bomb": (body("x = [bytearray(1 << 26) for _ in range(10**6)]"), "crash", "more memory"),
    "large array": (body("np.ones((1 << 20, 1 << 20))"), "crash", "more memory"),
    "sys.exit": (body("raise SystemExit(0)"), "crash", "ends the program in line"),
    "os._exit": (body("import os; os._exit(0)"), "crash", "ended with exit code 0 before"),
    "killed": (body("import os; os.kill(os.getpid(), 11)"), "crash", "signal SIGSEGV"),
    "megabytes of print": (
        body("while True: print('x' * 10**6)"),
        "crash",
        "prints or writes more than 8 MB",
    ),
    "large file": (
        body("open('big', 'wb').write(bytes(10**7))"),
        "crash",
        "prints or writes more than 8 MB",
    ),
    "exception": (body("[][1]"), "crash", "IndexError in line"),
    "unknown name": (body("return colums"), "crash", "name 'colums' is not defined"),
    "integers": (body(after="cols = cols.astype(int)"), "fail", "is int64; with these arguments"),
    "float32": (body(after="cols = cols.astype('f4')"), "fail", "is float32; with these arguments"),
    "a list": (
        body(after="cols = cols.tolist()"),
        "fail",
        "must be an array of numbers; it is: list",
    ),
    "objects": (body(after="cols = cols.astype(object)"), "fail", "it is: array of object"),
    "far too large": (body(after="cols = np.zeros((2000, 2000))"), "fail", "far too large"),
    "error without words": (
        body("class Mute(Exception): __str__ = None\n    raise Mute"),
        "crash",
        "TypeError",
    ),
    "a thousand signs": (body(f"x = {'-' * 901}x"), "fail", "has the wrong sign"),
    "a strange escape": (body("'\\d'; []['a']"), "crash", "TypeError in line"),
    "nothing": (body(after="return"), "fail", "is None: is a `return` missing?"),
    "view": (
        body(after="x.resize(x.size, refcheck=False) if 0 else 0\n    cols = share(x, cols)")
        + """
def share(x, cols):
    same = cols.size == x.size and (cols.ravel() == x.ravel()).all()
    return x.reshape(cols.shape) if same else cols
""",
        "fail",
        "shows the memory of an argument",
    ),
    "in place": (body(after="x += 1"), "fail", "changes its argument `x` in place"),
    "NaN": (body(after="cols = cols / 0 * 0"), "fail", "holds NaN or infinity"),
    "zeros": (body(after="cols = cols * 0"), "fail", "is all zeros"),
    "sign": (body(after="cols = -cols"), "fail", "has the wrong sign"),
    "factor": (body(after="cols = 2 * cols"), "fail", "is 2 times what it must be"),
    "offset": (body(after="cols = cols + 2"), "fail", "is off by the same 2"),
    "shape": (body(after="cols = cols[:, :, :, 1:]"), "fail", "has the shape (1, 1, 1, 1)"),
    "flat": (body(after="cols = cols.ravel()"), "fail", "is a reshape missing?"),
    "one number": (body(after="cols = cols.copy(); cols[0, 0, 0, 0] = 99"), "fail", "differ, the "),
    "missing": ("", "missing", "There is no function 'im2col' in lesson.py"),
    "renamed": (body().replace("im2col", "im2cols"), "missing", "called 'im2cols' now?"),
    "no function": ("im2col = 3", "crash", "'int' object is not callable"),
    "other parameters": ("def im2col(x): return x", "crash", "takes 1 positional argument"),
    "syntax": ("def im2col(x:\n    return x", "crash", "lesson.py line"),
    "indentation": ("def im2col(x):\nreturn x", "crash", "expected an indented block"),
    "null bytes": ("\0", "crash", "null bytes"),
    "import": ("import no_such_module as im2col", "crash", "No module named 'no_such_module'"),
    "engine's": ("from minicnn.kernels.reference import im2col", "delegated", "engine's own"),
    "hidden call": (
        "def im2col(*a):\n    try:\n        from minicnn import kernels\n"
        "        return kernels.im2col(*a)\n    except BaseException:\n        return a[0]",
        "delegated",
        "engine's own",
    ),
    "fast twin": (
        "def im2col(*a):\n    from minicnn.kernels.fast.pooling import max_pool2d\n    return a[0]",
        "delegated",
        "engine's own",
    ),
}
