"""The kinds of fault: what each does to the service once. How often, and what follows, is the runner's."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from fault_proxy import JOIN_GROUP, OFFSET_COMMIT, PRODUCE, SYNC_GROUP, Request
from publisher import CLIENT
from state_faults import corrupted, disk_full, kill_while_saving, lacks_mounts, read_only
from world import SESSION_SECONDS, World

Inject = Callable[[World], None]


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: as in the report.
        inject: does it once; ends when the fault is gone and, but for faults at random moments, repaired.
        full: how often in the full run.
        short: how often in the short one.
        batch: the comparison with the oracle comes after so many.
        workers: how many the service has.
        nodes: how many brokers.
        lacks: says what it needs and is not here.
        instead: what the short run does instead, where the fault itself takes long.
        preload: messages before the first fault.
    """

    name: str
    inject: Inject
    full: int
    short: int
    batch: int = 10
    workers: int = 1
    nodes: int = 1
    lacks: Callable[[], str | None] = lambda: None
    instead: Inject | None = None
    preload: int = 2_000


def kill_at_random(world: World) -> None:
    """Kill -9, up to five seconds after the last start: before, during and after the rebuild."""
    time.sleep(world.random.uniform(0, 5))
    if world.random.random() < 0.3:
        world.publisher.burst(500)
        time.sleep(world.random.uniform(0, 0.5))
    world.begin()
    world.worker.kill()
    if world.random.random() < 0.3:  # losing the saved state loses nothing
        shutil.rmtree(world.state_directory(0), ignore_errors=True)
    world.worker.process.start()
    world.removed()


def _commits(request: Request) -> bool:
    return request.api_key == OFFSET_COMMIT and b"-hot-path" in request.body


def _publishes(request: Request) -> bool:
    return request.api_key == PRODUCE and request.client != CLIENT and b".snapshots" in request.body


def _rebalances(request: Request) -> bool:
    return request.api_key in (JOIN_GROUP, SYNC_GROUP) and b"-hot-path" in request.body


def _kill_at(world: World, matches: Callable[[Request], bool], *, part: bool, answer: bool) -> None:
    world.wait_ready(world.worker)
    time.sleep(world.random.uniform(0, 0.5))
    if world.random.random() < 0.5:
        world.publisher.send([world.publisher.traffic.poison() for _ in range(3)])
        world.publisher.burst(100)
    with world.proxy.holding(matches, part=part, answer=answer) as hold:
        assert hold.wait(20), f"the moment did not come: {world.state()}"
        world.begin()
        world.worker.kill()
    world.worker.process.start()
    world.removed()
    world.wait_shown()


def kill_between_output_and_commit(world: World) -> None:
    """The commit is on its way, everything before it is acknowledged: it never arrives, or unknown to us."""
    _kill_at(world, _commits, part=False, answer=world.random.random() < 0.3)


def kill_during_checkpoint(world: World) -> None:
    """Snapshots are on their way: not sent, sent in part, or sent and never acknowledged."""
    part = world.random.random() < 0.4
    _kill_at(world, _publishes, part=part, answer=not part and world.random.random() < 0.5)


def kill_during_rebalance(world: World) -> None:
    """A worker comes or goes; while the group negotiates, one of them is killed."""
    first, second = world.services
    if second.process.is_running and world.random.random() < 0.5:
        second.kill()
    with world.proxy.holding(_rebalances, after=world.random.randrange(3)) as hold:
        if second.process.is_running:
            second.process.terminate()
        else:
            second.process.start()
        hold.wait(15)
        world.begin()
        if running := [one for one in (first, second) if one.process.is_running]:
            world.random.choice(running).kill()
    second.process.wait_ended(grace_seconds=0.2) if world.random.random() < 0.3 else None
    world.ensure_running()
    world.removed()
    world.wait_shown()


def join_and_leave(world: World) -> None:
    """A second or third worker comes, in order or not at all well, and another goes."""
    running = [one for one in world.services if one.process.is_running]
    stopped = [one for one in world.services if not one.process.is_running]
    world.begin()
    if stopped and (len(running) == 1 or world.random.random() < 0.5):
        one = world.random.choice(stopped)
        one.process.start()
        world.wait_ready(one)
    else:
        one = world.random.choice(running)
        if world.random.random() < 0.5:
            one.process.terminate()
            one.process.wait_ended(grace_seconds=30)
        else:
            one.kill()
    world.removed()
    world.wait_shown()


def freeze_worker(world: World) -> None:
    """SIGSTOP for longer than the session, while another takes over; then it wakes."""
    for one in world.services:
        world.wait_ready(one)
    one = world.random.choice(world.services)
    world.begin()
    one.process.signal(signal.SIGSTOP)
    time.sleep(SESSION_SECONDS + world.random.uniform(2, 6))
    one.process.signal(signal.SIGCONT)
    world.removed()
    world.wait_shown()
    for each in world.services:
        world.wait_ready(each)


def restart_broker(world: World) -> None:
    """The only broker ends, in order or by kill -9, stays away for some seconds, and comes back."""
    world.begin()
    if world.random.random() < 0.5:
        world.kafka.kill()
    time.sleep(world.random.uniform(0, 4))
    world.kafka.restart()
    world.removed()
    world.ensure_running()
    world.wait_shown(within=240)


def freeze_broker(world: World, seconds: float = 40) -> None:
    """The broker does not answer for a while, its connections stay open."""
    world.begin()
    world.kafka.freeze()
    time.sleep(seconds)
    world.kafka.thaw()
    world.removed()
    world.ensure_running()
    world.wait_shown(within=240)


def kill_leader(world: World) -> None:
    """Of three brokers the leader of a partition is killed, and comes back later."""

    async def leader(admin: object) -> int:
        (described,) = await admin.describe_topics([world.topic("events")])  # type: ignore[attr-defined]
        return int(world.random.choice(described["partitions"])["leader"])

    number = world.administer(leader)
    if number not in world.kafka.pids:
        return
    world.begin()
    world.kafka.kill(number)
    time.sleep(world.random.uniform(2, 8))
    world.kafka.restart(number)
    world.removed()
    world.ensure_running()
    world.wait_shown(within=240)


def cut_connections(world: World) -> None:
    """Every connection to the broker breaks at once."""
    time.sleep(world.random.uniform(0, 1))
    world.begin()
    world.proxy.cut()
    world.removed()
    world.wait_shown()


def _limit(world: World, topic: str, size: int) -> None:
    policy = "compact" if topic == "snapshots" else "delete"
    configs = {"max.message.bytes": str(size), "cleanup.policy": policy}
    changed = ConfigResource(ConfigResourceType.TOPIC, world.topic(topic), configs)
    world.administer(lambda admin: admin.alter_configs([changed]))


def refuse_outputs(world: World) -> None:
    """An output topic takes nothing of the usual size any more, until somebody corrects its limit."""
    topic = world.random.choice(("snapshots", "dead-letters"))
    failed = world.failed_checkpoints()
    world.begin()
    _limit(world, topic, 100)
    world.publisher.send([world.publisher.traffic.poison() for _ in range(5)])
    assert world.wait_until(lambda: world.failed_checkpoints() > failed, 60), "the refusal was not noticed"
    time.sleep(2)
    _limit(world, topic, 8 << 20)
    world.removed()
    world.ensure_running()
    world.wait_shown(within=240)


def delete_output(world: World) -> None:
    """An output topic is deleted; a worker's start makes it anew."""
    topic = world.topic("snapshots")
    failed = world.failed_checkpoints()
    world.begin()
    world.administer(lambda admin: admin.delete_topics([topic]))
    world.wait_until(lambda: world.failed_checkpoints() > failed, 60)
    world.worker.process.terminate()
    world.worker.process.wait_ended(grace_seconds=40)
    world.worker.process.start()
    world.removed()
    world.wait_shown(within=240)


def poison_inside_a_batch(world: World) -> None:
    """Records that nobody can count stand between good ones of one batch."""
    traffic = world.publisher.traffic
    batch = [traffic.poison() if world.random.random() < 0.2 else traffic.next() for _ in range(200)]
    world.begin()
    world.publisher.send(batch)
    time.sleep(1)
    world.removed()
    world.wait_shown()


def send_everything_twice(world: World) -> None:
    """The publisher sends everything it has ever sent a second time, in another order."""
    again = list(world.publisher.ledger.messages[:20_000])
    world.random.shuffle(again)
    world.begin()
    world.publisher.send(again)
    world.removed()
    world.wait_shown()
    assert world.wait_until(lambda: world.publisher.waiting < 100, 300)


CLOCKS = ("+3600s", "-3600s")


def find_libfaketime() -> str | None:
    """Give the library that gives one process another system clock; None where it is not installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return str(found[0]) if found else None


def _lacks_faketime() -> str | None:
    return None if find_libfaketime() else "libfaketime (on Debian: apt-get install faketime)"


def wrong_clock(world: World) -> None:
    """The worker starts with a system clock an hour off, works, and is started anew with a right one."""
    process, library = world.worker.process, find_libfaketime()
    assert library is not None
    world.begin()
    world.worker.kill()
    right = dict(process.environment)
    process.environment |= {
        "LD_PRELOAD": library,  # not the command faketime: that one forks, and would be killed alone
        "FAKETIME": world.random.choice(CLOCKS),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # what it mends is not broken here, and threads then spin
    }
    process.start()
    world.wait_ready(world.worker)
    time.sleep(world.random.uniform(1, 3))
    world.worker.kill()
    process.environment = right
    process.start()
    world.removed()
    world.wait_shown()


KINDS = (
    Kind("kill -9 of the worker at random moments", kill_at_random, 200, 3, batch=20),
    Kind("kill -9 during a rebalance", kill_during_rebalance, 25, 1, workers=2),
    Kind("kill -9 during a checkpoint, snapshots on their way", kill_during_checkpoint, 30, 1),
    Kind("kill -9 between output and commit", kill_between_output_and_commit, 40, 1),
    Kind("two and three workers joining and leaving", join_and_leave, 40, 1, workers=3),
    Kind("a worker frozen beyond its session and woken", freeze_worker, 6, 1, batch=2, workers=2),
    Kind("broker stopped and restarted", restart_broker, 6, 1, batch=3),
    Kind(
        "broker frozen for 40 s",
        freeze_broker,
        3,
        1,
        batch=1,
        instead=lambda world: freeze_broker(world, seconds=7),
    ),
    Kind("three brokers, a partition's leader killed", kill_leader, 6, 1, batch=3, nodes=3),
    Kind("every connection to the broker cut", cut_connections, 60, 1, batch=20),
    Kind("an output topic refuses records", refuse_outputs, 4, 1, batch=2),
    Kind("the output topic is deleted", delete_output, 3, 0, batch=1),
    Kind("poison messages inside a batch", poison_inside_a_batch, 70, 1, batch=35),
    Kind("the publisher sends everything twice", send_everything_twice, 4, 1, batch=1),
    Kind("kill -9 while a saved state is written", kill_while_saving, 20, 0, preload=10_000),
    Kind("the disk of saved states full", disk_full, 4, 0, batch=2, lacks=lacks_mounts),
    Kind("the directory of saved states read-only", read_only, 4, 0, batch=2, lacks=lacks_mounts),
    Kind("saved states corrupted", corrupted, 8, 1, batch=4),
    Kind("the worker's clock an hour off", wrong_clock, 6, 1, batch=2, lacks=_lacks_faketime),
)
