"""Hook faults. Config `case` chooses one; `fp` is the gate's fingerprint."""
import asyncio, json, os, sys, time
import pulumi
from pulumi import ResourceHook, ResourceHookBinding, ResourceHookOptions, ResourceOptions

cfg = pulumi.Config()
case, fp = cfg.get("case") or "ok", cfg.get("fp") or "1"

def note(**kw):
    with open(os.environ["HOOK_LOG"], "a") as fh: fh.write(json.dumps({**kw, "dry": pulumi.runtime.is_dry_run()}) + "\n")
def touch():
    open(os.environ["MARK"], "w").write("x")

class Quiet(Exception):
    def __str__(self): return ""

def f(args):
    note(hook=case, res=args.name)
    if case == "empty-assert": assert False
    if case == "empty-exception": raise Quiet()
    if case == "key-error": raise KeyError("k")
    if case == "system-exit": sys.exit(3)
    if case == "run-error": raise pulumi.RunError("hook RunError text")
    if case == "multiline": raise Exception("line one\nline two\n\n  indented é")
    if case == "block-sync": time.sleep(4); note(hook=case, res=args.name, end=True)
    if case == "keyboard": raise KeyboardInterrupt()
    if case == "cancelled": raise asyncio.CancelledError("x")
    if case == "log":
        pulumi.log.info("info from hook", resource=gate); pulumi.log.warn("warn from hook"); print("print from hook"); print("stderr from hook", file=sys.stderr)
    if case == "log-error": pulumi.log.error("error from hook without raise")

async def af(args):
    note(hook=case, res=args.name, begin=True)
    if case == "async-ok": await asyncio.sleep(1)
    if case == "async-raise": await asyncio.sleep(.2); raise RuntimeError("async boom")
    if case in ("thread", "thread-ctrl-c", "thread-kill", "thread-term"):
        touch()
        try: await asyncio.to_thread(time.sleep, 6)
        except BaseException as x: note(hook=case, caught=type(x).__name__); raise
    if case in ("async-sleep-ctrl-c",):
        touch()
        try: await asyncio.sleep(6)
        except BaseException as x: note(hook=case, caught=type(x).__name__); raise
        finally: note(hook=case, finally_ran=True)
    if case == "thread30": touch(); await asyncio.to_thread(time.sleep, 1)
    if case == "thread-raise": await asyncio.to_thread(lambda: 1 / 0)
    if case == "gather": await asyncio.gather(*[asyncio.to_thread(time.sleep, 1) for _ in range(8)])
    if case == "secret":
        def kind(v):
            return "Output" if isinstance(v, pulumi.Output) else {k: kind(x) for k, x in v.items()} if isinstance(v, dict) else repr(v)
        k = kind(args.new_inputs); vals = {}
        for key, v in args.new_inputs["input"].items() if isinstance(args.new_inputs["input"], dict) else []:
            if isinstance(v, pulumi.Output): vals[key] = [await v.future(), await v.is_secret(), await v.is_known()]
        if isinstance(args.new_inputs["input"], pulumi.Output): vals["input"] = [await args.new_inputs["input"].future(), await args.new_inputs["input"].is_secret()]
        note(hook=case, kinds=k, values=vals)
    if case == "apply-inside": pulumi.Output.from_input(1).apply(lambda v: note(hook=case, applied=v))
    if case == "resource-inside":
        pulumi.Stash("made-in-hook", input=1)
    note(hook=case, res=args.name, end=True)

sync = ("ok", "empty-assert", "empty-exception", "key-error", "system-exit", "run-error", "multiline", "block-sync", "keyboard", "cancelled", "log", "log-error", "dry-run", "dry-run-fail", "ignore-errors", "partial", "component", "lambda", "after-fail")
opts = None
if case.startswith("dry-run"): opts = ResourceHookOptions(on_dry_run=True)
if case == "ignore-errors": opts = ResourceHookOptions(ignore_errors=True)
def g(args):
    note(hook=case, res=args.name, new=repr(args.new_inputs), old=repr(args.old_inputs), id=args.id)
    if case in ("dry-run-fail", "ignore-errors"): raise Exception("boom " + case)
fn = g if case.startswith("dry-run") or case in ("ignore-errors", "component") else (f if case in sync else af)
if case == "partial":
    import functools
    fn = functools.partial(f)
if case == "lambda": fn = lambda a: note(hook="lambda", res=a.name)
b = ResourceHookBinding(before_create=[fn if case == "lambda" else ResourceHook("h", fn, opts)])
b.before_update = b.before_create

inp = {"fp": fp, "n": 1}
if case == "secret": inp = {"fp": fp, "pw": pulumi.Output.secret("s3cr3t"), "list": [1]}
if case == "dry-run-unknown": inp = {"fp": fp, "id": pulumi.Stash("other", input=fp).id}
if case == "component":
    class C(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("parity:index:C", name, {"fp": fp}, opts)
            self.child = pulumi.Stash(name + "-child", input=fp, opts=ResourceOptions(parent=self))
            self.register_outputs({"x": self.child.output})
    gate = C("comp", ResourceOptions(hooks=b))
else:
    gate = pulumi.Stash("gate", input=inp, opts=ResourceOptions(hooks=b))
pulumi.Stash("after", input=fp, opts=ResourceOptions(depends_on=[gate]))
