"""The action ``sslbind.windows.bindings``: sslbind on the controller, netsh on the server."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from sslbind.errors import SslbindError
from sslbind.planning.carrying import carry_out, unread
from sslbind.planning.limits import LIMIT, exceeded, parse_limit
from sslbind.planning.machine import Machine
from sslbind.planning.outcome import GOOD, Outcome, Status, planned
from sslbind.planning.plan import Plan, PlanOptions, make_plan
from sslbind.planning.text import diff
from sslbind.registry.registry import Registry
from sslbind.session import Session
from sslbind.targets import Target
from sslbind.transports.powershell import ARGUMENTS
from sslbind.transports.transport import Program, Ran, UnreachableError

_COMMANDS = {Program.NETSH: "netsh", Program.POWERSHELL: " ".join(("powershell", *ARGUMENTS))}
_MODULE = "ansible.windows.win_command"
_OPTIONS = {
    "registry": {"type": "path", "required": True},
    "prune": {"type": "bool", "default": False},
    "limit": {"type": "str", "default": f"{LIMIT}%"},
}


class ActionModule(ActionBase):
    """Makes a server what a registry says; see ``modules/bindings.py`` for its options."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Plan, and write unless in check mode; return what became of the server."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _, options = self.validate_argument_spec(_OPTIONS)
        name = str(task_vars.get("inventory_hostname", "server"))
        check = self._task.check_mode
        # win_command does nothing in check mode, and the server has to be read.
        self._task.check_mode = False
        try:
            outcome = self._outcome(name, options, task_vars, check=check)
        except SslbindError as error:
            raise AnsibleActionFail("; ".join([str(error), *error.hints])) from None
        finally:
            self._task.check_mode = check
        return {**result, **_answer(outcome, check=check)}

    def _outcome(
        self, name: str, options: dict[str, Any], task_vars: dict[str, Any], *, check: bool
    ) -> Outcome:
        limit = parse_limit(options["limit"])
        session = Session(Registry.open(self._loader.path_dwim(options["registry"])))
        machine = Machine(Target(name), session, transport=_Connection(self, task_vars))
        try:
            plan = make_plan(name, machine.read(), machine.wanted, PlanOptions(options["prune"]))
        except SslbindError as error:
            return unread(name, error)
        if why := exceeded(plan, limit):
            # The option is one of the task here.
            message = why.replace("--limit ", "limit: ")
            return Outcome(name, Status.REFUSED, plan, message=message, notes=plan.notes)
        return planned(plan) if check else carry_out(plan, machine)


class _Connection:
    """Ansible's connection to a server, as a transport."""

    programs = frozenset(Program)

    def __init__(self, action: ActionModule, task_vars: dict[str, Any]) -> None:
        self._action = action
        self._task_vars = task_vars

    def run(self, script: bytes, program: Program = Program.NETSH) -> Ran:
        """Run ``program``; see sslbind's ``Transport``."""
        try:
            if getattr(self._action._connection._shell, "_IS_WINDOWS", False):  # noqa: SLF001
                return self._windows(script, _COMMANDS[program])
            return self._direct(script, _COMMANDS[program])
        except AnsibleConnectionFailure as error:
            raise UnreachableError(f"no connection: {error.message}") from None

    def close(self) -> None:
        """Leave the connection to Ansible."""

    def _windows(self, script: bytes, command: str) -> Ran:
        done = self._action._execute_module(  # noqa: SLF001
            module_name=_MODULE,
            module_args={"cmd": command, "stdin": script.decode("ascii")},
            task_vars=self._task_vars,
        )
        if done.get("unreachable") or "rc" not in done:
            raise UnreachableError(str(done.get("msg", "win_command gave no answer")))
        return Ran(done["stdout"].encode(), done["stderr"].encode(), int(done["rc"]))

    def _direct(self, script: bytes, command: str) -> Ran:
        done = self._action._low_level_execute_command(  # noqa: SLF001
            command, in_data=script, sudoable=False
        )
        return Ran(done["stdout"].encode(), done["stderr"].encode(), int(done["rc"]))


def _answer(outcome: Outcome, *, check: bool) -> dict[str, Any]:
    """Return an outcome as Ansible takes it."""
    document = outcome.to_json()
    plan = outcome.plan
    fine = GOOD | {Status.CHANGES} if check else GOOD
    changed = bool(plan and plan.changes) if check else outcome.done > 0
    answer = {name: document[name] for name in ("status", "changes", "missing", "notes")}
    unreachable = outcome.status is Status.UNREACHABLE
    failed = outcome.status not in fine and not unreachable
    answer |= {"changed": changed, "failed": failed, "unreachable": unreachable}
    parts = [str(outcome.status), *outcome.missing, outcome.message]
    answer["msg"] = "; ".join(filter(None, parts))
    if plan and (changed or check):
        answer["diff"] = _diff(plan)
    return answer


def _diff(plan: Plan) -> dict[str, str]:
    before, after = diff([one.to_json() for one in plan.changes])
    header = f"bindings of {plan.target}"
    return {"before_header": header, "after_header": header, "before": before, "after": after}
