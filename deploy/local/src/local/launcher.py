"""The launcher: brings a stack up, keeps it up, takes it down. Run by `tandem up`."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from local import preflight
from local.cache import cache_folder
from local.identity import Issuer
from local.kafka import Jars
from local.locks import claim
from local.ports import Ports
from local.services import Plan
from local.settings import LogKind, Settings, inherited_environment
from local.state import ProcessState, Running, Var
from local.supervisor import Interrupted, Supervisor, created

Say = Callable[[str], None]


def launch(settings: Settings, *, say: Say, when_ready: Callable[[Plan], None]) -> None:
    """Run the stack in the foreground until Ctrl-C or SIGTERM, then end all of it.

    Raises CannotStart, with nothing left running.

    `when_ready` is called once, when everything serves.
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
                bring_up(plan, supervisor, say=say)
                say(f"Ready after {time.monotonic() - began:.1f} s.")
                when_ready(plan)
                supervisor.watch()
            except Interrupted:
                pass
            finally:
                say("Stopping.")
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
    var.keep_log_choice(decision.kind)
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
    first_time = not plan.postgres.exists
    with ThreadPoolExecutor(max_workers=2) as pool:  # initdb and the formatter are one core each
        tasks = [pool.submit(plan.postgres.prepare)]
        if plan.log == "kafka":
            if not plan.kafka.jars.folder.exists():
                say("Fetching Kafka's jars through Maven (43 MB, once).")
            tasks.append(pool.submit(plan.kafka.prepare))
    for task in tasks:
        task.result()
    say(f"Starting PostgreSQL{' and Kafka' if plan.log == 'kafka' else ''}.")
    supervisor.start(plan.foundations())
    plan.postgres.ensure_databases(plan.databases)
    say("Creating databases and topics." if first_time else "Checking databases and topics.")
    supervisor.run_once(plan.preparations())
    say("Starting the services.")
    supervisor.start(plan.services())
