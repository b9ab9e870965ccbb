"""The launcher: brings a stack up, keeps it up, takes it down. Run by `tandem up`."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import psutil

from local import preflight
from local.cache import cache_folder
from local.errors import CannotStart
from local.identity import Issuer
from local.kafka import Jars
from local.locks import claim
from local.ports import Ports
from local.services import Plan
from local.settings import LogKind, Settings, inherited_environment
from local.state import ProcessState, Running, Var
from local.supervisor import Interrupted, Supervisor, created

Say = Callable[[str], None]
WhileUp = Callable[[Plan], AbstractContextManager[None]]
DOWN_TIMEOUT_SECONDS = 90.0


def launch(settings: Settings, *, say: Say, while_up: WhileUp) -> None:
    """Run the stack in the foreground until Ctrl-C or SIGTERM, then end all of it.

    Raises CannotStart, with nothing left running.

    `while_up` is entered when everything serves, and left before anything is ended.
    """
    began = time.monotonic()
    var = Var(settings.var.absolute())
    preflight.check_python()
    preflight.check_var(var)
    with claim(
        var.lock, held=f"another launcher runs on {var.root}", mend="end it with `make down`"
    ):
        ended = preflight.end_leftovers(var)
        if ended:
            say(f"Ended what a killed launcher had left running: {', '.join(ended)}.")
        plan = make_plan(var, settings, say=say)
        launcher = ProcessState(os.getpid(), created(os.getpid()), state="ready")
        running = Running(launcher=launcher, log=plan.log, ports=dict(plan.ports.numbers))
        supervisor = Supervisor(var, running, say=say)
        with supervisor.signals():
            try:
                supervisor.publish()
                bring_up(plan, supervisor, say=say)
                say(f"Ready after {time.monotonic() - began:.1f} s.")
                with while_up(plan):
                    supervisor.watch()
                    say("Stopping.")
            except Interrupted:
                say("Stopping.")
            finally:
                supervisor.stop()
                if plan.log == "kafka":
                    plan.kafka.keep_archive()
                var.running.unlink(missing_ok=True)


def make_plan(var: Var, settings: Settings, *, say: Say) -> Plan:
    """Settle the choices of this run: ports, and the event log where that is still open."""
    ports = Ports.chosen(inherited_environment())
    decision = preflight.decide_log(var, forced=settings.log, obstacle=obstacle_of(var, settings))
    if decision.remark is not None:
        say(decision.remark)
    preflight.check_ports(ports, log=decision.kind)
    Issuer(var.identity).ensure_key()
    return Plan(var=var, ports=ports, log=decision.kind, settings=settings)


def obstacle_of(var: Var, settings: Settings) -> str | None:
    """Why Kafka cannot run; not asked where it is not wanted, since asking costs a JVM's start."""
    wanted: LogKind | None = var.log_choice or settings.log
    if wanted == "postgres":
        return None
    return preflight.kafka_obstacle(jars=lambda: Jars.in_cache(cache_folder()).folder)


def bring_up(plan: Plan, supervisor: Supervisor, *, say: Say) -> None:
    """From nothing to ready. Raises CannotStart, Interrupted."""
    with ThreadPoolExecutor(max_workers=2) as pool:  # initdb and the formatter are one core each
        tasks = [pool.submit(plan.postgres.prepare)]
        if plan.log == "kafka":
            if not plan.kafka.jars.folder.exists():
                say("Fetching Kafka's jars through Maven (43 MB, once).")
            tasks.append(pool.submit(plan.kafka.prepare))
    for task in tasks:
        task.result()
    plan.var.keep_log_choice(plan.log)  # from now on there are data that bind us to it
    say(f"Starting PostgreSQL{' and Kafka' if plan.log == 'kafka' else ''}.")
    supervisor.start(plan.foundations())
    plan.postgres.ensure_databases(plan.databases)
    if plan.var.prepared != (wanted := plan.fingerprint()):
        say("Creating schemas and topics.")
        supervisor.run_once(plan.preparations())
        plan.var.keep_prepared(wanted)
    say("Starting the services.")
    supervisor.start(plan.services())


def take_down(var: Var) -> bool:
    """End the stack on this var/ from outside; False when there is none. Raises CannotStart."""
    running = Running.load(var.running)
    if running is None:
        return False
    launcher = preflight.same_process(running.launcher)
    if launcher is None:
        with claim(var.lock, held="a launcher is just starting", mend="try again"):
            return bool(preflight.end_leftovers(var))
    launcher.terminate()
    try:
        launcher.wait(DOWN_TIMEOUT_SECONDS)
    except psutil.TimeoutExpired:
        raise CannotStart(
            f"the launcher (pid {launcher.pid}) did not end within {DOWN_TIMEOUT_SECONDS:.0f} s",
            mend=f"kill -9 {launcher.pid}; the next start cleans up",
        ) from None
    return True
