"""Who trains together: what TF_CONFIG and Slurm say, what makes no sense, and how the workers find one another."""

import json
import socket
import threading

import pytest

from nntricks_keras import training
from nntricks_keras.errors import InputError
from nntricks_keras.training.cluster import Cluster, find_cluster
from nntricks_keras.training.meeting import meet


def tf_config(cluster, task):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_alone():
    assert find_cluster({}) is None
    assert find_cluster({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}) is None  # the shell of a batch script
    assert find_cluster({"SLURM_STEP_NUM_TASKS": "1"}) is None
    assert find_cluster(tf_config({"worker": ["a:1"]}, {"type": "worker", "index": 0})) is None


def test_tf_config():
    workers = {"worker": ["a:1", "b:2", "c:3"]}
    assert find_cluster(tf_config(workers, {"type": "worker", "index": 2})) == Cluster(("a:1", "b:2", "c:3"), 2)
    with_chief = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    assert find_cluster(tf_config(with_chief, {"type": "chief", "index": 0})) == Cluster(("a:1", "b:2", "c:3"), 0)
    cluster = find_cluster(tf_config(with_chief, {"type": "worker", "index": 1}))
    assert cluster == Cluster(("a:1", "b:2", "c:3"), 2)
    assert find_cluster({"TF_CONFIG": cluster.tf_config()}) == cluster


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{worker: a}", "not JSON.*{worker: a}"),
        ("[]", "no .cluster."),
        ("{}", "no .cluster."),
        ('{"cluster": {"worker": ["a:1", "b"]}, "task": {"type": "worker", "index": 0}}', r"host:port.*'b'"),
        ('{"cluster": {"worker": null}, "task": {"type": "worker", "index": 0}}', "'worker'.*list.*None"),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}', "'worker'.*list.*'a:1'"),
        ('{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}', "host:port"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', "twice"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}', "'ps'"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "task.*None"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}', "chief"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "from 0 to 1.*received 2"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": "0"}}', "received '0'"),
    ],
)
def test_a_tf_config_that_makes_no_sense_is_named(text, named, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=named):
        training.strategy()


def slurm(nodes, tasks, index, count=2):
    return {
        "SLURM_STEP_NUM_TASKS": str(count),
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_TASKS_PER_NODE": tasks,
        "SLURM_PROCID": str(index),
        "SLURM_JOB_ID": "4711",
    }


def test_slurm():
    cluster = find_cluster(slurm("gpu[01-02,7],head", "2(x2),1,1", 3))
    assert cluster.addresses == ("gpu01:27110", "gpu01:27111", "gpu02:27110", "gpu02:27111", "gpu7:27110", "head:27110")
    assert cluster.index == 3
    assert find_cluster(slurm("a[08-11]-ib", "1(x4)", 0)).addresses[2] == "a10-ib:27110"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SLURM_STEP_NUM_TASKS": "2"}, "SLURM_STEP_NODELIST.*srun"),
        (slurm("a[1-3]", "1(x2)", 0), "3 nodes.*2"),
        (slurm("a[1-2]", "1(x2)", 2), "SLURM_PROCID is 2.*2 tasks"),
    ],
)
def test_slurm_variables_that_contradict_each_other(environment, named):
    with pytest.raises(InputError, match=named):
        find_cluster(environment)


def free_addresses(count):
    probes = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = tuple(f"localhost:{probe.getsockname()[1]}" for probe in probes)
    for probe in probes:
        probe.close()
    return addresses


def meet_all(clusters, patience):
    """What `meet` came to for each, in threads."""
    errors = [None] * len(clusters)

    def come(place):
        try:
            meet(clusters[place], patience)
        except InputError as error:
            errors[place] = str(error)

    threads = [threading.Thread(target=come, args=(place,)) for place in range(len(clusters))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_workers_meet():
    addresses = free_addresses(3)
    assert meet_all([Cluster(addresses, index) for index in range(3)], patience=20) == [None] * 3


def test_a_worker_that_does_not_come_is_named():
    addresses = free_addresses(3)
    errors = meet_all([Cluster(addresses, index) for index in (0, 2)], patience=3)
    assert all(f"worker 1 ({addresses[1]})" in error for error in errors)
    assert not any("worker 0" in error or "worker 2" in error for error in errors)


def test_workers_with_different_lists():
    addresses = free_addresses(3)
    errors = meet_all([Cluster(addresses, 0), Cluster((addresses[0], addresses[2]), 1)], patience=20)
    assert all("another list" in error for error in errors)


def test_two_workers_of_one_index():
    """A TF_CONFIG copied from one machine to the other, index and all; by the port it is the second that listens."""
    (address,) = free_addresses(1)
    (error,) = meet_all([Cluster((address, address), 0)], patience=20)
    assert "worker 0 too" in error


def test_a_port_in_use_is_named(monkeypatch):
    with socket.create_server(("", 0)) as taken:
        cluster = Cluster((f"localhost:{taken.getsockname()[1]}", "localhost:1"), 0)
        monkeypatch.setenv("TF_CONFIG", cluster.tf_config())
        with pytest.raises(InputError, match=f"cannot listen on {cluster.address}: Address already in use"):
            training.strategy()


def test_a_number_of_devices_contradicts_a_cluster(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", Cluster(free_addresses(2), 0).tf_config())
    with pytest.raises(InputError, match="'auto', not 2"):
        training.strategy(2)
