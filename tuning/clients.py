"""The worker's end of the wire: keras-tuner's oracle client, which outlives a chief that is away for a while."""

import time

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_client import OracleClient
from keras_tuner.src.engine.trial import TrialStatus

CALL_SECONDS = 20  # for one answer
BETWEEN_TRIES_SECONDS = 0.5
BETWEEN_QUESTIONS_SECONDS = 0.2  # while the chief has nothing to do
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.enable_http_proxy", 0),
]


class ChiefLostError(RuntimeError):
    """The chief has not answered for as long as the worker was to wait."""


class TurnedAwayError(RuntimeError):
    """The chief does not know this worker's study, or has given its trial to another."""


class PatientClient(OracleClient):
    """keras-tuner's OracleClient; it says who asks, and asks again while the chief is away or has nothing.

    Args:
        oracle: kt Oracle, as keras-tuner's client wants it.
        address: the chief's "HOST:PORT".
        tuner_id: the worker's name.
        process: tells apart the processes that bear it, one after the other.
        study_id: of the study the worker has before it.
        patience: seconds for which a call is tried again before ChiefLostError, counted from the first try that failed:
            a worker has nothing to ask while it trains.
    """

    def __init__(self, oracle, address, tuner_id, process, study_id, patience):
        # Not keras-tuner's __init__, which takes the address from the environment and waits an hour for an answer.
        self._oracle = oracle
        self.tuner_id = tuner_id
        self.multi_worker = False
        self.should_report = True
        self.stub = _PatientStub(address, patience, [("worker", tuner_id), ("process", process), ("study", study_id)])

    def create_trial(self, tuner_id):
        while True:
            trial = super().create_trial(tuner_id)
            if trial.status != TrialStatus.IDLE:
                return trial
            time.sleep(BETWEEN_QUESTIONS_SECONDS)


class _PatientStub:
    """The stub of keras-tuner's service, whose every call says who asks and is tried again while the chief is away."""

    def __init__(self, address, patience, metadata):
        self._address = address
        self._patience = patience
        self._metadata = metadata
        self._stub = protos.get_service_grpc().OracleStub(grpc.insecure_channel(address, options=CHANNEL))

    def __getattr__(self, method):
        call = getattr(self._stub, method)

        def call_patiently(request, **_):
            failing_since = None
            while True:
                try:
                    return call(request, metadata=self._metadata, timeout=CALL_SECONDS)
                except grpc.RpcError as error:
                    if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                        raise TurnedAwayError(error.details()) from None
                    if error.code() not in AWAY:
                        raise
                    failing_since = failing_since or time.monotonic()
                    silent = time.monotonic() - failing_since
                    if silent > self._patience:
                        raise ChiefLostError(
                            f"the chief at {self._address} has not answered for {silent:.0f} s"
                        ) from None
                    time.sleep(BETWEEN_TRIES_SECONDS)

        return call_patiently
