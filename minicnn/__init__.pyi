# The public names of minicnn, each from where it lives. `__init__.py` follows this list.

from . import data as data
from . import functional as functional
from . import kernels as kernels
from . import metrics as metrics
from . import nn as nn
from . import optim as optim
from . import zoo as zoo
from .bridge.export import export as export
from .bridge.live import compare_layers as compare_layers
from .bridge.live import from_keras as from_keras
from .bridge.live import to_keras as to_keras
from .experiments.compare import compare as compare
from .experiments.ensembles import ensemble as ensemble
from .experiments.explore import explore as explore
from .experiments.opening import open_model as open_model
from .experiments.report.documents import write_data_report as write_data_report
from .experiments.report.documents import write_run_report as write_run_report
from .experiments.report.run_numbers import report_run as report_run
from .experiments.runs import train as train
from .experiments.tune import tune as tune
from .gradient_check import gradcheck as gradcheck
from .insight.doctor import DoctorCallback as DoctorCallback
from .insight.doctor import diagnose as diagnose
from .insight.graph import draw_graph as draw_graph
from .insight.robustness import measure_robustness as measure_robustness
from .insight.trace import trace as trace
from .insight.trace import trace_gradient as trace_gradient
from .insight.walk import Walk as Walk
from .reader.recognise import predict as predict
from .reader.strings import read_digits as read_digits
from .tape import no_grad as no_grad
from .tensor import Tensor as Tensor
from .tensor import concatenate as concatenate
from .tensor import op as op
from .training.checkpoint import load_model as load_model
from .training.checkpoint import save_model as save_model
from .training.fit import evaluate as evaluate
from .training.fit import fit as fit

__version__: str
