"""Which processes train together, read from TF_CONFIG or from Slurm's variables. No framework is loaded here."""

import dataclasses
import json
import os
import re

from nntricks_keras.errors import InputError

FIRST_PORT = 20000  # of Slurm's tasks; below the range from which systems hand out ports


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of one training, in the order that all of them agree on; the first is the chief.

    Args:
        addresses: "host:port" of each.
        index: which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def address(self):
        return self.addresses[self.index]

    def tf_config(self):
        """The TF_CONFIG that says the same."""
        return json.dumps(
            {"cluster": {"worker": list(self.addresses)}, "task": {"type": "worker", "index": self.index}}
        )


def find_cluster(environment=None):
    """The Cluster that TF_CONFIG describes, or else Slurm's step of several tasks; None for a process on its own.

    Args:
        environment: a mapping; os.environ by default.

    Raises:
        InputError: the variables contradict each other or mean nothing.
    """
    environment = os.environ if environment is None else environment
    if environment.get("TF_CONFIG"):
        return _from_tf_config(environment["TF_CONFIG"])
    # srun sets this one, and the shell of a batch script, which has no fellow tasks, does not know it.
    if int(environment.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        return _from_slurm(environment)
    return None


def _from_tf_config(text):
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"TF_CONFIG is not JSON: {error}; received {text!r}") from None
    jobs = config.get("cluster") if isinstance(config, dict) else None
    if not isinstance(jobs, dict) or not jobs:
        raise InputError(f'TF_CONFIG has no "cluster" of "worker" addresses; received {text}')
    strange = sorted(set(jobs) - {"chief", "worker"})
    if strange:
        raise InputError(f"TF_CONFIG names jobs {strange}: only worker, and chief, train here")
    for job, of_job in jobs.items():
        if not isinstance(of_job, list):
            raise InputError(f"TF_CONFIG's {job!r} has to be a list of addresses, received {of_job!r}")
    addresses = [address for job in ("chief", "worker") for address in jobs.get(job, [])]
    wrong = [address for address in addresses if not re.fullmatch(r"\S+:\d{1,5}", str(address))]
    if wrong or not addresses:
        raise InputError(f'addresses in TF_CONFIG have to be "host:port", received {wrong or jobs}')
    if len(set(addresses)) < len(addresses):
        raise InputError(f"TF_CONFIG names an address twice: {', '.join(addresses)}")
    task = config.get("task")
    if not isinstance(task, dict) or task.get("type") not in jobs:
        raise InputError(f'TF_CONFIG\'s "task" has to have a "type" among {sorted(jobs)}, received {task!r}')
    of_its_job, index = jobs[task["type"]], task.get("index")
    if not isinstance(index, int) or not 0 <= index < len(of_its_job):
        raise InputError(
            f"TF_CONFIG's task index has to be from 0 to {len(of_its_job) - 1} for {len(of_its_job)} addresses of "
            f"{task['type']!r}, received {index!r}"
        )
    return Cluster(tuple(addresses), addresses.index(of_its_job[index])) if len(addresses) > 1 else None


def _from_slurm(environment):
    """`srun` numbers the tasks node by node: the first node's first, as SLURM_STEP_TASKS_PER_NODE counts them."""
    names = ("SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE", "SLURM_PROCID", "SLURM_JOB_ID")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise InputError(f"Slurm's step has several tasks, but {', '.join(missing)} is not set: start with srun")
    nodes, counts, index, job = (environment[name] for name in names)
    hosts, counts = _expand_hosts(nodes), _expand_counts(counts)
    if len(hosts) != len(counts):
        raise InputError(f"SLURM_STEP_NODELIST has {len(hosts)} nodes, SLURM_STEP_TASKS_PER_NODE {len(counts)}")
    first = FIRST_PORT + int(job) % 1000 * 10  # apart from another job's on the same node
    addresses = tuple(
        f"{host}:{first + task}" for host, count in zip(hosts, counts, strict=True) for task in range(count)
    )
    if int(index) >= len(addresses):
        raise InputError(f"SLURM_PROCID is {index}, and the step has {len(addresses)} tasks")
    return Cluster(addresses, int(index))


def _expand_hosts(text):
    """ "gpu[01-03,7],head" -> gpu01, gpu02, gpu03, gpu7, head."""
    hosts = []
    for name, ranges, rest in re.findall(r"([^,\[\]]+)(?:\[([^\]]*)\])?([^,\[\]]*)", text):
        if not ranges:
            hosts.append(name + rest)
            continue
        for part in ranges.split(","):
            first, _, last = part.partition("-")
            hosts += [f"{name}{n:0{len(first)}d}{rest}" for n in range(int(first), int(last or first) + 1)]
    return hosts


def _expand_counts(text):
    """ "2(x3),1" -> 2, 2, 2, 1."""
    return [
        int(count)
        for count, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", text)
        for _ in range(int(times) if times else 1)
    ]
