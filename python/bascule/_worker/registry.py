"""What this worker can call: packages, sets, handles.

Owns: the answers to TRIAL, BIND and RELEASE. Refuses: sockets, and when an import runs.
Invariant: a set becomes callable in one step, when all of it is there; of a refused one
nothing is.
"""

from __future__ import annotations

import threading

from bascule import logs
from bascule.plan import Plan

from .importer import ImportRefused, forget, load, publish

# Unused packages that are kept: a BIND follows a trial, and an old version is often put back.
_UNUSED_KEPT_MAX = 16


class Registry:
    """Packages by id, sets by number, plans by handle."""

    def __init__(self):
        self.plans = {}
        self._sets = {}
        self._packages = {}
        self._imports = {}
        self._lock = threading.Lock()

    def trial(self, request):
        """The payload of TRIED."""
        try:
            package = self._package(request["package"], trial=True)
            answer = {"request": request.get("request"), "services": package.describe()}
            self._drop_unused()
            return answer
        except ImportRefused as refused:
            return {"request": request.get("request"), "error": refused.report}

    def bind(self, request):
        """The payload of BOUND; afterwards the handles are in `plans`, or nothing is."""
        number, answer = request["set"], {"request": request.get("request")}
        packages = {}
        for spec in request["packages"]:
            try:
                packages[str(spec["id"])] = self._package(spec)
            except ImportRefused as refused:
                return {**answer, "error": refused.report, "package": spec["id"]}
        peers, plans = {}, {}
        for handle, name, package_id in request["services"]:
            package = packages.get(package_id)
            cls = package.classes.get(name) if package else None
            if cls is None:
                what = f"package {package_id} has no service {name!r}"
                report = {"file": package.file if package else "", "line": 0, "message": what,
                          "traceback": ""}
                return {**answer, "error": report, "package": package_id}
            plans[handle] = peers[name] = Plan(cls, name, package_id, package.version, peers)
        for package in packages.values():
            publish(package)
        with self._lock:
            self._sets[number] = (tuple(plans), tuple(packages))
            self.plans.update(plans)
        return answer

    def release(self, number):
        """Forgets a set and, in time, its packages; calls in flight keep theirs."""
        with self._lock:
            handles, _packages = self._sets.pop(number, ((), ()))
            for handle in handles:
                self.plans.pop(handle, None)
        self._drop_unused()

    def _package(self, spec, trial=False):
        """The imported package; imports it unless it is there or being imported right now."""
        package_id = str(spec["id"])
        while True:
            with self._lock:
                if package_id in self._packages:
                    return self._packages[package_id]
                running = self._imports.get(package_id)
                if running is None:
                    running = self._imports[package_id] = threading.Event()
                    break
            running.wait()
        try:
            package = load(spec, trial)
            with self._lock:
                self._packages[package_id] = package
            return package
        finally:
            with self._lock:
                del self._imports[package_id]
            running.set()

    def _drop_unused(self):
        with self._lock:
            used = {package_id for _handles, ids in self._sets.values() for package_id in ids}
            unused = [package_id for package_id in self._packages if package_id not in used]
            for package_id in unused[: max(0, len(unused) - _UNUSED_KEPT_MAX)]:
                package = self._packages.pop(package_id)
                forget(package)
                logs.emit(logs.DEBUG, "package forgotten", "bascule.worker",
                          {"file": package.file, "version": package.version})
