"""The chief: the one process that holds the oracle, and answers the workers over keras-tuner's own gRPC service."""

import contextlib
import ipaddress
import os
import socket
import time
from concurrent import futures

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # the chief starts programs while it serves

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.engine.trial import Trial, TrialStatus

from nntricks_keras.errors import InputError
from nntricks_keras.files import read_json, write_json
from nntricks_keras.locks import BusyError, held
from tuning.addresses import parse_address
from tuning.dependable import LOCAL

LOCK = "chief.lock"
EVERY_HOST = ("0.0.0.0", "[::]")  # listened at for all addresses of this machine
LOOPBACK = "127.0.0.1"
NUM_ANSWERING = 16  # threads
SECONDS_TO_HEAR = 10  # for workers elsewhere to hear that the search is over


class Chief(OracleServicer):
    """keras-tuner's service over a DependableOracle. As a context manager it serves, and is the study's only chief.

    Args:
        oracle: DependableOracle.
        address: "HOST:PORT" to listen at; by default the loopback, at any port. "Any" (0) is that of the study's last
            chief if it is free, since workers look for it there.

    Raises InputError when the port is in use or the host is not this machine's.
    """

    def __init__(self, oracle, address=None):
        super().__init__(oracle)
        self.study = oracle.study
        self.error = None  # what an answer failed with
        self.address = self._bind(address)
        write_json(
            self.study.folder / "chief.json",
            {"address": self.address, "pid": os.getpid(), "host": socket.gethostname()},
        )

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop(grace=1).wait()

    @property
    def local_address(self):
        """Where workers on this machine find it."""
        host, port = split_address(self.address)
        return f"{LOOPBACK}:{port}" if host in EVERY_HOST else self.address

    @property
    def address_elsewhere(self):
        """Where workers on other machines find it."""
        host, port = split_address(self.address)
        return f"{socket.gethostname()}:{port}" if host in EVERY_HOST else self.address

    @property
    def is_open(self):
        """Whether other machines may reach it."""
        host = split_address(self.address)[0].strip("[]")
        with contextlib.suppress(ValueError):
            return not ipaddress.ip_address(host).is_loopback
        return host != "localhost"

    def say_goodbye(self):
        """Waits until the workers elsewhere have heard that the search is over, or for SECONDS_TO_HEAR."""
        deadline = time.monotonic() + SECONDS_TO_HEAR
        while time.monotonic() < deadline:
            seen = self.oracle.last_seen()
            elsewhere = [n for n, ago in seen.items() if not n.startswith(LOCAL) and ago < SECONDS_TO_HEAR]
            if set(elsewhere) <= self._told:
                return
            time.sleep(0.1)

    # keras-tuner's names.
    # ruff: noqa: N802
    def CreateTrial(self, request, context):
        caller = self._caller(context)
        with self._keeping_errors():
            trial = self.oracle.create_trial(request.tuner_id, caller.get("process"))
        if trial.status == TrialStatus.STOPPED:
            self._told.add(request.tuner_id)
        return protos.get_service().CreateTrialResponse(trial=_bare(trial))

    def GetTrial(self, request, context):
        """Also a worker's sign of life, and how it hears that it is not wanted any more."""
        caller = self._caller(context)
        trial = self._trial(request.trial_id, context)
        if "worker" in caller and not self.oracle.saw(caller["worker"], request.trial_id):
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"trial {request.trial_id} is not this worker's any more: it has ended, or another has it",
            )
        status = TrialStatus.STOPPED if self.oracle.stopping else trial.status
        return protos.get_service().GetTrialResponse(trial=_bare(trial, status))

    def UpdateTrial(self, request, context):
        self._caller(context)
        return protos.get_service().UpdateTrialResponse(trial=_bare(self._trial(request.trial_id, context)))

    def EndTrial(self, request, context):
        self._caller(context)
        trial = self._trial(request.trial.trial_id, context)
        with self._keeping_errors():
            self.oracle.end_trial(trial)
        return protos.get_service().EndTrialResponse()

    def UpdateSpace(self, request, context):
        """The space is the study's, and a worker does not change it."""
        self._caller(context)
        return protos.get_service().UpdateSpaceResponse()

    def _bind(self, address):
        last = self.study.folder / "chief.json"
        host, port = split_address(address or f"{LOOPBACK}:0")
        ports = [port]
        if not port and last.exists():
            with contextlib.suppress(InputError, KeyError, TypeError):
                ports.insert(0, split_address(read_json(last)["address"])[1])
        for port in ports:
            # Without so_reuseport=0 two chiefs would share one port, each with half of the questions.
            self.server = grpc.server(
                futures.ThreadPoolExecutor(max_workers=NUM_ANSWERING), options=[("grpc.so_reuseport", 0)]
            )
            protos.get_service_grpc().add_OracleServicer_to_server(self, self.server)
            self._told = set()  # workers that know that the search is over
            try:
                bound = self.server.add_insecure_port(f"{host}:{port}")
            except RuntimeError:
                bound = 0
            if bound:
                return f"{host}:{bound}"
        why = "the port is in use" if _in_use(host, port) else "that is no address of this machine"
        raise InputError(f"the chief cannot listen at {host}:{port}: {why}; give another --address HOST:PORT")

    def _caller(self, context):
        """What the worker's client says of it; a worker of another study is turned away."""
        caller = dict(context.invocation_metadata())
        if "study" in caller and caller["study"] != self.oracle.settings.study_id:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"the chief at {self.address} searches another study than the one in --study-dir",
            )
        return caller

    def _trial(self, trial_id, context):
        with contextlib.suppress(KeyError):
            return self.oracle.get_trial(trial_id)
        context.abort(grpc.StatusCode.NOT_FOUND, f"there is no trial {trial_id!r}")

    @contextlib.contextmanager
    def _keeping_errors(self):
        try:
            yield
        except Exception as error:
            self.error = self.error or error
            raise


def split_address(address):
    """ "HOST:PORT" -> (host, port). Raises InputError for anything else."""
    parsed = parse_address(address)
    if parsed is None:
        raise InputError(f"an address is HOST:PORT, for example 127.0.0.1:8000, received {address!r}")
    return parsed


@contextlib.contextmanager
def only_chief(folder):
    """Holds the study for this process; InputError when another searches it. The lock goes with its process."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(folder / LOCK, folder))
        except BusyError:
            who = read_json(folder / "chief.json") if (folder / "chief.json").exists() else {}
            raise InputError(
                f"{folder} is being searched already, by process {who.get('pid', '?')} on {who.get('host', '?')}"
            ) from None
        yield


def _bare(trial, status=None):
    """A trial as the worker needs it. The rest is in its record; keras-tuner prints a condition when it sends one."""
    return Trial(type(trial.hyperparameters)(), trial.trial_id, status or trial.status).to_proto()


def _in_use(host, port):
    with contextlib.suppress(OSError), socket.create_connection((host.strip("[]"), port), timeout=1):
        return True
    return False
