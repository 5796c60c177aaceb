BEGIN TRANSACTION;
CREATE TABLE attempts (
	id VARCHAR(36) NOT NULL, 
	run_id VARCHAR(36) NOT NULL, 
	epoch INTEGER NOT NULL, 
	task VARCHAR(500) NOT NULL, 
	position INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	status VARCHAR(30) NOT NULL, 
	created_at BIGINT NOT NULL, 
	token BIGINT NOT NULL, 
	executor VARCHAR(200), 
	instance VARCHAR(36), 
	request VARCHAR(36), 
	code VARCHAR(64) NOT NULL, 
	lease_until BIGINT, 
	started_at BIGINT, 
	finished_at BIGINT, 
	error_kind VARCHAR(30), 
	error TEXT, 
	due_at BIGINT, 
	state TEXT, 
	parts INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id, epoch, task, position) REFERENCES tasks (run_id, epoch, task, position), 
	CONSTRAINT one_attempt_per_number UNIQUE (run_id, epoch, task, position, number)
);
INSERT INTO "attempts" VALUES('01a21be1-0931-7e62-8c8a-26a56f51c495','01a21be1-0931-77ba-a67f-91415578b5ed',1,'t',0,1,'success',1795764062513899,4294967297,'recorder-1','in-program-1','cb65ae9c-e779-453e-8f2a-08c45342640d','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',NULL,1795764062539771,1795764062572373,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-0f1e-7e24-b38f-acd931a5522e','01a21be1-0f1e-78dd-b089-1c72853ceebf',1,'a',0,1,'success',1795764064030884,8589934593,'recorder','in-program-2','d2561010-d861-4d35-bd0f-be1a2f4e5af9','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',NULL,1795764064053136,1795764064060810,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-0f3d-7039-a21d-dc631bb07725','01a21be1-0f1e-78dd-b089-1c72853ceebf',1,'b',0,1,'running',1795764064061014,8589934594,'recorder','in-program-2','24867008-f838-4abc-9d90-706e9c081915','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',1795764094061345,1795764064061345,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-0ffa-79e7-b50f-402a4c42aca0','01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3',1,'ready',0,1,'deferred',1795764064250619,8589934607,'recorder','in-program-2','7d18b662-4399-4543-a86d-8fb654fa2ece','',NULL,1795764064250926,NULL,NULL,NULL,1795764068999186,'{"until":1795764068999186,"state":"{\"why\":\"it is not there yet\"}","output":null,"run":null}',5);
INSERT INTO "attempts" VALUES('01a21be1-10c6-7c8b-89e9-690912887ea2','01a21be1-10c5-7f74-a0b6-076a4a089549',1,'broken',0,1,'failed',1795764064454784,8589934596,'recorder','in-program-2','89b316b3-be5b-4f49-9859-2500f7d8f4d3','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',NULL,1795764064460861,1795764064469690,'exception','Traceback (most recent call last):
  File "/srv/pipeline/work.py", line 36, in gated
    raise RuntimeError("nothing works")
RuntimeError: nothing works
task broken of dag fails (pipeline.ppd:22)',NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-119b-7ee1-b7b0-f682bc1af739','01a21be1-119b-7631-a751-5717c9543cbb',1,'only',0,1,'running',1795764064667930,8589934597,'recorder','in-program-2','50a10683-f3de-41f7-8f6b-71a88cefbd48','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',1795764094668677,1795764064668677,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-1325-7bb2-be81-d1e292506bdc','01a21be1-1325-70ed-b332-065b5496e62a',1,'each',0,1,'success',1795764065061731,8589934598,'recorder','in-program-2','3d22137f-07a3-4115-b22b-772afb392c99','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',NULL,1795764065077443,1795764065094706,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-1325-7bb6-a2ed-ea19294d16cf','01a21be1-1325-70ed-b332-065b5496e62a',1,'each',1,1,'success',1795764065061731,8589934599,'recorder','in-program-2','3d22137f-07a3-4115-b22b-772afb392c99','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',NULL,1795764065081945,1795764065094759,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-1325-7bba-86bc-edcaa86cacdf','01a21be1-1325-70ed-b332-065b5496e62a',1,'each',2,1,'success',1795764065061731,8589934600,'recorder','in-program-2','3d22137f-07a3-4115-b22b-772afb392c99','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',NULL,1795764065084880,1795764065094790,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-1347-7578-88c3-f5b8f67cbd4f','01a21be1-1325-70ed-b332-065b5496e62a',1,'held',0,1,'running',1795764065095342,8589934601,'recorder','in-program-2','e5744ae2-1371-4c70-9a8b-faa809bf7835','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',1795764095095530,1795764065095530,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-15cf-7008-beb4-1b26555cb949','01a21be1-15ce-78b4-89c6-767f1cd04e77',1,'day',0,1,'running',1795764065743002,8589934603,'recorder','in-program-2','b10c5c32-503f-4b72-a56a-d629c6d85e48','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',1795764095743277,1795764065743277,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "attempts" VALUES('01a21be1-15cf-7312-940b-3696676f4572','01a21be1-15ce-7c9f-8d16-d5580cae73f3',1,'day',0,1,'running',1795764065743192,8589934604,'recorder','in-program-2','b10c5c32-503f-4b72-a56a-d629c6d85e48','7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75',1795764095743571,1795764065743571,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE backfills (
	id VARCHAR(36) NOT NULL, 
	project VARCHAR(200) NOT NULL, 
	dag VARCHAR(200) NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	created_at BIGINT NOT NULL, 
	from_at BIGINT NOT NULL, 
	until_at BIGINT NOT NULL, 
	parallel INTEGER NOT NULL, 
	status VARCHAR(30) NOT NULL, 
	next_after BIGINT NOT NULL, 
	total INTEGER NOT NULL, 
	made INTEGER NOT NULL, 
	passed_over INTEGER NOT NULL, 
	params TEXT NOT NULL, 
	finished_at BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project, dag) REFERENCES dags (project, dag)
);
INSERT INTO "backfills" VALUES('01a21be1-15c1-7eac-827e-257f2a995fc7','default','daily','root',1795764065729917,1793487600000000,1794092400000000,2,'running',1793583000000000,7,2,0,'{}',NULL);
CREATE TABLE builds (
	build VARCHAR(64) NOT NULL, 
	program VARCHAR(200) NOT NULL, 
	compiler VARCHAR(200) NOT NULL, 
	spec_version INTEGER NOT NULL, 
	spec TEXT NOT NULL, 
	first_seen_at BIGINT NOT NULL, 
	project VARCHAR(200) NOT NULL, 
	PRIMARY KEY (build)
);
INSERT INTO "builds" VALUES('e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','pipeline','0.1.0',1,'{"$":"Program","build":"e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662","callables":[{"$":"Callable","code":{"$":"Code","line":22,"path":"ppacer/tasks/waiting.py","text":"def wait_for_file(\n    path: Path,\n    *,\n    every: timedelta = timedelta(seconds=30),\n    min_size: int = 0,\n    stable_for: timedelta = timedelta(0),\n    context: TaskContext,\n) -> Path | list[Path]:\n    \"\"\"Waits until there is a file, for as long as the task''s `timeout` lets it. It looks after 1 s, 2 s, 4 s \u2026 and at\n    last `every` so often, and holds no worker meanwhile.\n\n    A path with `*`, `?` or `[` is a pattern (`**` stands for any folders, `[[]` for a `[`): at least one file must fit.\n    Every file must have `min_size` bytes, and have kept its size and its time of change for the time `stable_for`, in\n    which no other may come or go. The output is the path; of a pattern it is the list of paths, sorted.\n    \"\"\"\n    check_every(every)\n    pattern = glob.has_magic(str(path))\n    found = _look(path, pattern=pattern)\n    now = time.time_ns() // 1000\n    if not found:\n        why = \"no file fits yet\" if pattern else \"it is not there yet\"\n        look_again(context, every, str(path), why)\n    if any(size < min_size for _, size, _ in found):\n        why = f\"{''one of its files'' if pattern else ''it''} has less than {min_size} bytes yet\"\n        look_again(context, every, str(path), why)\n    if stable_for > timedelta(0):\n        seen = hashlib.sha256(repr(found).encode(\"utf-8\", \"surrogateescape\")).hexdigest()\n        since = _unchanged_since(context, seen, now)\n        left = stable_for - instants.duration(now - since)\n        if left > timedelta(0):\n            keep = {\"seen\": seen, \"since\": since}\n            why = f\"it must stay as it is for {stable_for.total_seconds():g} s\"\n            look_again(context, every, str(path), why, within=left, keep=keep)\n    paths = [Path(name) for name, _, _ in found]\n    return paths if pattern else paths[0]\n"},"context":"context","id":"ppacer.tasks.waiting:wait_for_file","kind":{"$":"CallableKind","v":"function"}},{"$":"Callable","code":{"$":"Code","line":26,"path":"work.py","text":"def gated(name: str, fails: bool = False) -> str:\n    \"\"\"Goes on only when the gate is open, for at most a minute.\"\"\"\n    note(\"start\", name)\n    gate = Path(os.environ[\"STEPS_GATE\"])\n    deadline = time.monotonic() + 60\n    while not fails and not gate.exists():\n        if time.monotonic() > deadline:\n            raise TimeoutError(f\"{name}: the gate stayed shut\")\n        time.sleep(0.02)\n    if fails:\n        raise RuntimeError(\"nothing works\")\n    note(\"end\", name)\n    return name\n"},"hash":"7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75","id":"work:gated","kind":{"$":"CallableKind","v":"function"}},{"$":"Callable","code":{"$":"Code","line":41,"path":"work.py","text":"def refuse(message: Message) -> None:\n    \"\"\"A notifier that reaches nobody: what it is to tell stays to be told.\"\"\"\n    raise ConnectionError(\"no route\")\n"},"hash":"7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75","id":"work:refuse","kind":{"$":"CallableKind","v":"function"}},{"$":"Callable","code":{"$":"Code","line":19,"path":"work.py","text":"def step(name: str) -> str:\n    note(\"start\", name)\n    print(f\"step {name}\")\n    note(\"end\", name)\n    return name\n"},"hash":"7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75","id":"work:step","kind":{"$":"CallableKind","v":"function"}}],"compiler":"0.1.0","dags":[{"$":"Dag","at":{"$":"At","column":5,"line":7},"id":"steps","tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":17,"line":8},"value":"a"}],"at":{"$":"At","column":8,"line":8},"callable":"work:step","children":["b"],"id":"a"},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":18,"line":9},"value":"b"}],"at":{"$":"At","column":8,"line":9},"callable":"work:gated","children":["c"],"id":"b","parents":["a"],"x":1},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":17,"line":10},"value":"c"}],"at":{"$":"At","column":8,"line":10},"callable":"work:step","id":"c","parents":["b"],"x":2}]},{"$":"Dag","at":{"$":"At","column":5,"line":14},"id":"waits","tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":30,"line":15},"value":"gate"}],"at":{"$":"At","column":8,"line":15},"callable":"ppacer.tasks.waiting:wait_for_file","children":["after"],"id":"ready","kwargs":[["every",{"$":"Literal","at":{"$":"At","column":46,"line":15},"value":{"$":"duration","v":1000000}}]]},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":21,"line":16},"value":"after"}],"at":{"$":"At","column":8,"line":16},"callable":"work:step","id":"after","parents":["ready"],"x":1}]},{"$":"Dag","at":{"$":"At","column":5,"line":20},"id":"fails","notify":["pager"],"settings_at":[["notify",{"$":"At","column":3,"line":21}]],"tasks":[{"$":"Task","at":{"$":"At","column":8,"line":22},"callable":"work:gated","id":"broken","kwargs":[["name",{"$":"Literal","at":{"$":"At","column":30,"line":22},"value":"broken"}],["fails",{"$":"Literal","at":{"$":"At","column":48,"line":22},"value":true}]]}]},{"$":"Dag","at":{"$":"At","column":5,"line":25},"id":"queued","settings_at":[["max_active_runs",{"$":"At","column":3,"line":26}]],"tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":21,"line":27},"value":"only"}],"at":{"$":"At","column":8,"line":27},"callable":"work:gated","id":"only"}]},{"$":"Dag","at":{"$":"At","column":5,"line":30},"id":"daily","max_active_runs":2,"schedules":[{"$":"Cron","at":{"$":"At","column":21,"line":31},"expression":"30 2 * * *"}],"settings_at":[["schedule",{"$":"At","column":3,"line":31}],["timezone",{"$":"At","column":3,"line":32}],["catchup",{"$":"At","column":3,"line":33}],["max_active_runs",{"$":"At","column":3,"line":34}]],"tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":20,"line":35},"value":"day"}],"at":{"$":"At","column":8,"line":35},"callable":"work:gated","id":"day"}],"timezone":"Europe/Warsaw"},{"$":"Dag","at":{"$":"At","column":5,"line":38},"id":"fanned","params":[{"$":"Param","at":{"$":"At","column":9,"line":39},"default":{"$":"ListOf","at":{"$":"At","column":28,"line":39},"items":[{"$":"Literal","at":{"$":"At","column":29,"line":39},"value":"x"},{"$":"Literal","at":{"$":"At","column":34,"line":39},"value":"y"},{"$":"Literal","at":{"$":"At","column":39,"line":39},"value":"z"}]},"name":"names","type":{"$":"ParamType","kind":{"$":"ParamKind","v":"list"},"of":{"$":"ParamType","kind":{"$":"ParamKind","v":"str"}}}}],"tasks":[{"$":"Task","args":[{"$":"LoopVariable","at":{"$":"At","column":42,"line":40},"name":"name"}],"at":{"$":"At","column":8,"line":40},"callable":"work:step","children":["held"],"fan_out":{"$":"FanOut","over":{"$":"ParamValue","at":{"$":"At","column":21,"line":40},"name":"names"},"variable":"name"},"id":"each"},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":21,"line":41},"value":"held"}],"at":{"$":"At","column":8,"line":41},"callable":"work:gated","children":["end"],"id":"held","parents":["each"],"x":1},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":20,"line":42},"value":"end"}],"at":{"$":"At","column":8,"line":42},"callable":"work:step","id":"end","parents":["held"],"x":2}]},{"$":"Dag","at":{"$":"At","column":5,"line":46},"id":"gone","tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":17,"line":47},"value":"t"}],"at":{"$":"At","column":8,"line":47},"callable":"work:step","id":"t"}]}],"name":"pipeline","notifiers":[{"$":"Notifier","at":{"$":"At","column":10,"line":5},"callable":"work:refuse","name":"pager"}],"search_path":["."],"sources":[{"$":"Source","path":"pipeline.ppd","sha256":"3df585970515cf922caf875dadec4281b67589af9b0b84c56226d9b0e6d6fe51","text":"\"\"\"What ran when the databases beside this were recorded: something of everything, most of it under way.\"\"\"\n\nfrom work import gated, refuse, step\n\nnotifier pager = refuse()\n\ndag steps {\n  task a = step(\"a\")\n  task b = gated(\"b\")\n  task c = step(\"c\")\n  a -> b -> c\n}\n\ndag waits {\n  task ready = wait_for_file(\"gate\", every = 1s)\n  task after = step(\"after\")\n  ready -> after\n}\n\ndag fails {\n  notify = pager\n  task broken = gated(name = \"broken\", fails = true)\n}\n\ndag queued {\n  max_active_runs = 1\n  task only = gated(\"only\")\n}\n\ndag daily {\n  schedule        = cron(\"30 2 * * *\")\n  timezone        = \"Europe/Warsaw\"\n  catchup         = none\n  max_active_runs = 2\n  task day = gated(\"day\")\n}\n\ndag fanned {\n  param names: list[str] = [\"x\", \"y\", \"z\"]\n  task each[name in params.names] = step(name)\n  task held = gated(\"held\")\n  task end  = step(\"end\")\n  each[*] -> held -> end\n}\n\ndag gone {\n  task t = step(\"t\")\n}\n"}],"tzdata":"2025b"}',1795764062475543,'default');
INSERT INTO "builds" VALUES('66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','pipeline','0.1.0',1,'{"$":"Program","build":"66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c","callables":[{"$":"Callable","code":{"$":"Code","line":22,"path":"ppacer/tasks/waiting.py","text":"def wait_for_file(\n    path: Path,\n    *,\n    every: timedelta = timedelta(seconds=30),\n    min_size: int = 0,\n    stable_for: timedelta = timedelta(0),\n    context: TaskContext,\n) -> Path | list[Path]:\n    \"\"\"Waits until there is a file, for as long as the task''s `timeout` lets it. It looks after 1 s, 2 s, 4 s \u2026 and at\n    last `every` so often, and holds no worker meanwhile.\n\n    A path with `*`, `?` or `[` is a pattern (`**` stands for any folders, `[[]` for a `[`): at least one file must fit.\n    Every file must have `min_size` bytes, and have kept its size and its time of change for the time `stable_for`, in\n    which no other may come or go. The output is the path; of a pattern it is the list of paths, sorted.\n    \"\"\"\n    check_every(every)\n    pattern = glob.has_magic(str(path))\n    found = _look(path, pattern=pattern)\n    now = time.time_ns() // 1000\n    if not found:\n        why = \"no file fits yet\" if pattern else \"it is not there yet\"\n        look_again(context, every, str(path), why)\n    if any(size < min_size for _, size, _ in found):\n        why = f\"{''one of its files'' if pattern else ''it''} has less than {min_size} bytes yet\"\n        look_again(context, every, str(path), why)\n    if stable_for > timedelta(0):\n        seen = hashlib.sha256(repr(found).encode(\"utf-8\", \"surrogateescape\")).hexdigest()\n        since = _unchanged_since(context, seen, now)\n        left = stable_for - instants.duration(now - since)\n        if left > timedelta(0):\n            keep = {\"seen\": seen, \"since\": since}\n            why = f\"it must stay as it is for {stable_for.total_seconds():g} s\"\n            look_again(context, every, str(path), why, within=left, keep=keep)\n    paths = [Path(name) for name, _, _ in found]\n    return paths if pattern else paths[0]\n"},"context":"context","id":"ppacer.tasks.waiting:wait_for_file","kind":{"$":"CallableKind","v":"function"}},{"$":"Callable","code":{"$":"Code","line":26,"path":"work.py","text":"def gated(name: str, fails: bool = False) -> str:\n    \"\"\"Goes on only when the gate is open, for at most a minute.\"\"\"\n    note(\"start\", name)\n    gate = Path(os.environ[\"STEPS_GATE\"])\n    deadline = time.monotonic() + 60\n    while not fails and not gate.exists():\n        if time.monotonic() > deadline:\n            raise TimeoutError(f\"{name}: the gate stayed shut\")\n        time.sleep(0.02)\n    if fails:\n        raise RuntimeError(\"nothing works\")\n    note(\"end\", name)\n    return name\n"},"hash":"7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75","id":"work:gated","kind":{"$":"CallableKind","v":"function"}},{"$":"Callable","code":{"$":"Code","line":41,"path":"work.py","text":"def refuse(message: Message) -> None:\n    \"\"\"A notifier that reaches nobody: what it is to tell stays to be told.\"\"\"\n    raise ConnectionError(\"no route\")\n"},"hash":"7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75","id":"work:refuse","kind":{"$":"CallableKind","v":"function"}},{"$":"Callable","code":{"$":"Code","line":19,"path":"work.py","text":"def step(name: str) -> str:\n    note(\"start\", name)\n    print(f\"step {name}\")\n    note(\"end\", name)\n    return name\n"},"hash":"7802a504afb0f8967a77601a6d174f55849b6c1e550ebff5bab2ea021a80be75","id":"work:step","kind":{"$":"CallableKind","v":"function"}}],"compiler":"0.1.0","dags":[{"$":"Dag","at":{"$":"At","column":5,"line":7},"id":"steps","tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":17,"line":8},"value":"a"}],"at":{"$":"At","column":8,"line":8},"callable":"work:step","children":["b"],"id":"a"},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":18,"line":9},"value":"b"}],"at":{"$":"At","column":8,"line":9},"callable":"work:gated","children":["c"],"id":"b","parents":["a"],"x":1},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":17,"line":10},"value":"c"}],"at":{"$":"At","column":8,"line":10},"callable":"work:step","id":"c","parents":["b"],"x":2}]},{"$":"Dag","at":{"$":"At","column":5,"line":14},"id":"waits","tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":30,"line":15},"value":"gate"}],"at":{"$":"At","column":8,"line":15},"callable":"ppacer.tasks.waiting:wait_for_file","children":["after"],"id":"ready","kwargs":[["every",{"$":"Literal","at":{"$":"At","column":46,"line":15},"value":{"$":"duration","v":1000000}}]]},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":21,"line":16},"value":"after"}],"at":{"$":"At","column":8,"line":16},"callable":"work:step","id":"after","parents":["ready"],"x":1}]},{"$":"Dag","at":{"$":"At","column":5,"line":20},"id":"fails","notify":["pager"],"settings_at":[["notify",{"$":"At","column":3,"line":21}]],"tasks":[{"$":"Task","at":{"$":"At","column":8,"line":22},"callable":"work:gated","id":"broken","kwargs":[["name",{"$":"Literal","at":{"$":"At","column":30,"line":22},"value":"broken"}],["fails",{"$":"Literal","at":{"$":"At","column":48,"line":22},"value":true}]]}]},{"$":"Dag","at":{"$":"At","column":5,"line":25},"id":"queued","settings_at":[["max_active_runs",{"$":"At","column":3,"line":26}]],"tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":21,"line":27},"value":"only"}],"at":{"$":"At","column":8,"line":27},"callable":"work:gated","id":"only"}]},{"$":"Dag","at":{"$":"At","column":5,"line":30},"id":"daily","max_active_runs":2,"schedules":[{"$":"Cron","at":{"$":"At","column":21,"line":31},"expression":"30 2 * * *"}],"settings_at":[["schedule",{"$":"At","column":3,"line":31}],["timezone",{"$":"At","column":3,"line":32}],["catchup",{"$":"At","column":3,"line":33}],["max_active_runs",{"$":"At","column":3,"line":34}]],"tasks":[{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":20,"line":35},"value":"day"}],"at":{"$":"At","column":8,"line":35},"callable":"work:gated","id":"day"}],"timezone":"Europe/Warsaw"},{"$":"Dag","at":{"$":"At","column":5,"line":38},"id":"fanned","params":[{"$":"Param","at":{"$":"At","column":9,"line":39},"default":{"$":"ListOf","at":{"$":"At","column":28,"line":39},"items":[{"$":"Literal","at":{"$":"At","column":29,"line":39},"value":"x"},{"$":"Literal","at":{"$":"At","column":34,"line":39},"value":"y"},{"$":"Literal","at":{"$":"At","column":39,"line":39},"value":"z"}]},"name":"names","type":{"$":"ParamType","kind":{"$":"ParamKind","v":"list"},"of":{"$":"ParamType","kind":{"$":"ParamKind","v":"str"}}}}],"tasks":[{"$":"Task","args":[{"$":"LoopVariable","at":{"$":"At","column":42,"line":40},"name":"name"}],"at":{"$":"At","column":8,"line":40},"callable":"work:step","children":["held"],"fan_out":{"$":"FanOut","over":{"$":"ParamValue","at":{"$":"At","column":21,"line":40},"name":"names"},"variable":"name"},"id":"each"},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":21,"line":41},"value":"held"}],"at":{"$":"At","column":8,"line":41},"callable":"work:gated","children":["end"],"id":"held","parents":["each"],"x":1},{"$":"Task","args":[{"$":"Literal","at":{"$":"At","column":20,"line":42},"value":"end"}],"at":{"$":"At","column":8,"line":42},"callable":"work:step","id":"end","parents":["held"],"x":2}]}],"name":"pipeline","notifiers":[{"$":"Notifier","at":{"$":"At","column":10,"line":5},"callable":"work:refuse","name":"pager"}],"search_path":["."],"sources":[{"$":"Source","path":"pipeline.ppd","sha256":"55b0db19a801c9b2a68a73fad9012b8ed1af193d5e817f77149059ba4cc1e7b7","text":"\"\"\"What ran when the databases beside this were recorded: something of everything, most of it under way.\"\"\"\n\nfrom work import gated, refuse, step\n\nnotifier pager = refuse()\n\ndag steps {\n  task a = step(\"a\")\n  task b = gated(\"b\")\n  task c = step(\"c\")\n  a -> b -> c\n}\n\ndag waits {\n  task ready = wait_for_file(\"gate\", every = 1s)\n  task after = step(\"after\")\n  ready -> after\n}\n\ndag fails {\n  notify = pager\n  task broken = gated(name = \"broken\", fails = true)\n}\n\ndag queued {\n  max_active_runs = 1\n  task only = gated(\"only\")\n}\n\ndag daily {\n  schedule        = cron(\"30 2 * * *\")\n  timezone        = \"Europe/Warsaw\"\n  catchup         = none\n  max_active_runs = 2\n  task day = gated(\"day\")\n}\n\ndag fanned {\n  param names: list[str] = [\"x\", \"y\", \"z\"]\n  task each[name in params.names] = step(name)\n  task held = gated(\"held\")\n  task end  = step(\"end\")\n  each[*] -> held -> end\n}\n"}],"tzdata":"2025b"}',1795764063817283,'default');
CREATE TABLE dag_events (
	id VARCHAR(36) NOT NULL, 
	project VARCHAR(200) NOT NULL, 
	dag VARCHAR(200) NOT NULL, 
	at BIGINT NOT NULL, 
	kind VARCHAR(30) NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	payload TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project, dag) REFERENCES dags (project, dag)
);
INSERT INTO "dag_events" VALUES('01a21be1-090b-78b0-9639-0754c8b31ad8','default','steps',1795764062475543,'added','build','{"build": "e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662"}');
INSERT INTO "dag_events" VALUES('01a21be1-090b-78b4-8c30-9a71daae0c4f','default','waits',1795764062475543,'added','build','{"build": "e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662"}');
INSERT INTO "dag_events" VALUES('01a21be1-090b-78b8-a6c9-9556b190307c','default','fails',1795764062475543,'added','build','{"build": "e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662"}');
INSERT INTO "dag_events" VALUES('01a21be1-090b-78bc-9159-ca893f2167e1','default','queued',1795764062475543,'added','build','{"build": "e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662"}');
INSERT INTO "dag_events" VALUES('01a21be1-090b-78c0-8ed0-ff566f1b249a','default','daily',1795764062475543,'added','build','{"build": "e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662"}');
INSERT INTO "dag_events" VALUES('01a21be1-090b-78c4-ae12-f6815070ce15','default','fanned',1795764062475543,'added','build','{"build": "e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662"}');
INSERT INTO "dag_events" VALUES('01a21be1-090b-78c8-beb9-4580123ff979','default','gone',1795764062475543,'added','build','{"build": "e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662"}');
INSERT INTO "dag_events" VALUES('01a21be1-0e49-7487-b7fc-a0cadba54cba','default','gone',1795764063817283,'removed','build','{"build": "66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c"}');
INSERT INTO "dag_events" VALUES('01a21be1-13fb-7aac-bbb3-c731cf329097','default','daily',1795764065275667,'paused','root','{"reason":"recording"}');
INSERT INTO "dag_events" VALUES('01a21be1-14eb-7d81-9fcf-9850695959f6','default','waits',1795764065515844,'silenced','root','{"until":1795850465504919,"reason":""}');
INSERT INTO "dag_events" VALUES('01a21be1-15c4-7153-b65f-6bdaefea0403','default','daily',1795764065732083,'backfill_started','root','{"id":"01a21be1-15c1-7eac-827e-257f2a995fc7","from":1793487600000000,"until":1794092400000000,"total":7,"parallel":2}');
CREATE TABLE dag_versions (
	project VARCHAR(200) NOT NULL, 
	dag VARCHAR(200) NOT NULL, 
	at BIGINT NOT NULL, 
	build VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	PRIMARY KEY (project, dag, at), 
	FOREIGN KEY(project, dag) REFERENCES dags (project, dag), 
	FOREIGN KEY(build) REFERENCES builds (build)
);
INSERT INTO "dag_versions" VALUES('default','steps',1795764062475543,'e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','ec4c1358a36fdbeaf12f17b1fcd5b047dcc3a9ac79759cd06d5e55df817371f3');
INSERT INTO "dag_versions" VALUES('default','waits',1795764062475543,'e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','db30c9941d673b4d51bf02fcfd66d98dbf1adc8a20730f423310dca657330fa4');
INSERT INTO "dag_versions" VALUES('default','fails',1795764062475543,'e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','f9a80c5cbde1230aa0f1886ffd8425832a6944b31c79e54013d71dbe0eb264c1');
INSERT INTO "dag_versions" VALUES('default','queued',1795764062475543,'e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','7f84a3dcf32b661053e2fb09b6a2f973307a589b454eb79695b658f09b6836f3');
INSERT INTO "dag_versions" VALUES('default','daily',1795764062475543,'e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','04a5c73a17a0ca8c557116edcc7dd0a1daf319c23edf00981fb1046d72fcbcbf');
INSERT INTO "dag_versions" VALUES('default','fanned',1795764062475543,'e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','c953a636fec887e143a98f2b6a72562ad61329425c6905e4b9d0be1105eda1eb');
INSERT INTO "dag_versions" VALUES('default','gone',1795764062475543,'e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','691dd05c69340cd28b050cb8e30dcfba457764d4756fc426789bf9b894f63638');
CREATE TABLE dags (
	project VARCHAR(200) NOT NULL, 
	dag VARCHAR(200) NOT NULL, 
	build VARCHAR(64) NOT NULL, 
	first_seen_at BIGINT NOT NULL, 
	last_seen_at BIGINT NOT NULL, 
	watched_until BIGINT, 
	paused BOOLEAN NOT NULL, 
	removed_at BIGINT, 
	silenced_until BIGINT, 
	renamed_to VARCHAR(200), 
	PRIMARY KEY (project, dag), 
	FOREIGN KEY(build) REFERENCES builds (build)
);
INSERT INTO "dags" VALUES('default','steps','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c',1795764062475543,1795764063817283,NULL,0,NULL,NULL,NULL);
INSERT INTO "dags" VALUES('default','waits','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c',1795764062475543,1795764063817283,NULL,0,NULL,1795850465504919,NULL);
INSERT INTO "dags" VALUES('default','fails','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c',1795764062475543,1795764063817283,NULL,0,NULL,NULL,NULL);
INSERT INTO "dags" VALUES('default','queued','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c',1795764062475543,1795764063817283,NULL,0,NULL,NULL,NULL);
INSERT INTO "dags" VALUES('default','daily','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c',1795764062475543,1795764063817283,1795764062475543,1,NULL,NULL,NULL);
INSERT INTO "dags" VALUES('default','fanned','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c',1795764062475543,1795764063817283,NULL,0,NULL,NULL,NULL);
INSERT INTO "dags" VALUES('default','gone','e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662',1795764062475543,1795764062475543,NULL,0,1795764063817283,NULL,NULL);
CREATE TABLE events (
	run_id VARCHAR(36) NOT NULL, 
	seq INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	kind VARCHAR(30) NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	payload TEXT NOT NULL, 
	PRIMARY KEY (run_id, seq), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
)
 WITHOUT ROWID

;
INSERT INTO "events" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed',1,1795764062513483,'run_created','root','{"kind":"manual","scheduled_at":1795764062513479}');
INSERT INTO "events" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed',2,1795764062513899,'run_started','scheduler','{}');
INSERT INTO "events" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed',3,1795764062513899,'task_queued','scheduler','{"task":"t","number":1,"id":"01a21be1-0931-7e62-8c8a-26a56f51c495"}');
INSERT INTO "events" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed',4,1795764062514319,'attempt_started','recorder-1','{"task":"t","number":1,"id":"01a21be1-0931-7e62-8c8a-26a56f51c495"}');
INSERT INTO "events" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed',5,1795764062572610,'attempt_finished','recorder-1','{"task":"t","number":1,"id":"01a21be1-0931-7e62-8c8a-26a56f51c495","status":"success","error_kind":null}');
INSERT INTO "events" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed',6,1795764062572610,'task_finished','scheduler','{"task":"t","status":"success"}');
INSERT INTO "events" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed',7,1795764062572610,'run_finished','scheduler','{"status":"success"}');
INSERT INTO "events" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',1,1795764064030554,'run_created','root','{"kind":"manual","scheduled_at":1795764064030549}');
INSERT INTO "events" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',2,1795764064030884,'run_started','scheduler','{}');
INSERT INTO "events" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',3,1795764064030884,'task_queued','scheduler','{"task":"a","number":1,"id":"01a21be1-0f1e-7e24-b38f-acd931a5522e"}');
INSERT INTO "events" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',4,1795764064031215,'attempt_started','recorder','{"task":"a","number":1,"id":"01a21be1-0f1e-7e24-b38f-acd931a5522e"}');
INSERT INTO "events" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',5,1795764064061014,'attempt_finished','recorder','{"task":"a","number":1,"id":"01a21be1-0f1e-7e24-b38f-acd931a5522e","status":"success","error_kind":null}');
INSERT INTO "events" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',6,1795764064061014,'task_finished','scheduler','{"task":"a","status":"success"}');
INSERT INTO "events" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',7,1795764064061014,'task_queued','scheduler','{"task":"b","number":1,"id":"01a21be1-0f3d-7039-a21d-dc631bb07725"}');
INSERT INTO "events" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',8,1795764064061345,'attempt_started','recorder','{"task":"b","number":1,"id":"01a21be1-0f3d-7039-a21d-dc631bb07725"}');
INSERT INTO "events" VALUES('01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3',1,1795764064250249,'run_created','root','{"kind":"manual","scheduled_at":1795764064250245}');
INSERT INTO "events" VALUES('01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3',2,1795764064250619,'run_started','scheduler','{}');
INSERT INTO "events" VALUES('01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3',3,1795764064250619,'task_queued','scheduler','{"task":"ready","number":1,"id":"01a21be1-0ffa-79e7-b50f-402a4c42aca0"}');
INSERT INTO "events" VALUES('01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3',4,1795764064250926,'attempt_started','recorder','{"task":"ready","number":1,"id":"01a21be1-0ffa-79e7-b50f-402a4c42aca0"}');
INSERT INTO "events" VALUES('01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3',5,1795764064271075,'attempt_deferred','scheduler','{"task":"ready","number":1,"id":"01a21be1-0ffa-79e7-b50f-402a4c42aca0"}');
INSERT INTO "events" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549',1,1795764064453966,'run_created','root','{"kind":"manual","scheduled_at":1795764064453962}');
INSERT INTO "events" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549',2,1795764064454784,'run_started','scheduler','{}');
INSERT INTO "events" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549',3,1795764064454784,'task_queued','scheduler','{"task":"broken","number":1,"id":"01a21be1-10c6-7c8b-89e9-690912887ea2"}');
INSERT INTO "events" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549',4,1795764064455136,'attempt_started','recorder','{"task":"broken","number":1,"id":"01a21be1-10c6-7c8b-89e9-690912887ea2"}');
INSERT INTO "events" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549',5,1795764064470019,'attempt_finished','recorder','{"task":"broken","number":1,"id":"01a21be1-10c6-7c8b-89e9-690912887ea2","status":"failed","error_kind":"exception"}');
INSERT INTO "events" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549',6,1795764064470019,'task_finished','scheduler','{"task":"broken","status":"failed"}');
INSERT INTO "events" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549',7,1795764064470019,'run_finished','scheduler','{"status":"failed"}');
INSERT INTO "events" VALUES('01a21be1-119b-7631-a751-5717c9543cbb',1,1795764064667387,'run_created','root','{"kind":"manual","scheduled_at":1795764064667383}');
INSERT INTO "events" VALUES('01a21be1-119b-7631-a751-5717c9543cbb',2,1795764064667930,'run_started','scheduler','{}');
INSERT INTO "events" VALUES('01a21be1-119b-7631-a751-5717c9543cbb',3,1795764064667930,'task_queued','scheduler','{"task":"only","number":1,"id":"01a21be1-119b-7ee1-b7b0-f682bc1af739"}');
INSERT INTO "events" VALUES('01a21be1-119b-7631-a751-5717c9543cbb',4,1795764064668677,'attempt_started','recorder','{"task":"only","number":1,"id":"01a21be1-119b-7ee1-b7b0-f682bc1af739"}');
INSERT INTO "events" VALUES('01a21be1-125f-77c2-a84a-29220eebee9f',1,1795764064863485,'run_created','root','{"kind":"manual","scheduled_at":1795764064863479}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',1,1795764065061058,'run_created','root','{"kind":"manual","scheduled_at":1795764065061054}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',2,1795764065061731,'run_started','scheduler','{}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',3,1795764065061731,'task_expanded','scheduler','{"task":"each","position":-1,"members":3}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',4,1795764065061731,'task_queued','scheduler','{"task":"each","number":1,"id":"01a21be1-1325-7bb2-be81-d1e292506bdc"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',5,1795764065061731,'task_queued','scheduler','{"task":"each","position":1,"number":1,"id":"01a21be1-1325-7bb6-a2ed-ea19294d16cf"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',6,1795764065061731,'task_queued','scheduler','{"task":"each","position":2,"number":1,"id":"01a21be1-1325-7bba-86bc-edcaa86cacdf"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',7,1795764065062295,'attempt_started','recorder','{"task":"each","number":1,"id":"01a21be1-1325-7bb2-be81-d1e292506bdc"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',8,1795764065064402,'attempt_started','recorder','{"task":"each","position":1,"number":1,"id":"01a21be1-1325-7bb6-a2ed-ea19294d16cf"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',9,1795764065064569,'attempt_started','recorder','{"task":"each","position":2,"number":1,"id":"01a21be1-1325-7bba-86bc-edcaa86cacdf"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',10,1795764065095032,'attempt_finished','recorder','{"task":"each","position":1,"number":1,"id":"01a21be1-1325-7bb6-a2ed-ea19294d16cf","status":"success","error_kind":null}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',11,1795764065095032,'task_finished','scheduler','{"task":"each","position":1,"status":"success"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',12,1795764065095263,'attempt_finished','recorder','{"task":"each","number":1,"id":"01a21be1-1325-7bb2-be81-d1e292506bdc","status":"success","error_kind":null}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',13,1795764065095263,'task_finished','scheduler','{"task":"each","status":"success"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',14,1795764065095342,'attempt_finished','recorder','{"task":"each","position":2,"number":1,"id":"01a21be1-1325-7bba-86bc-edcaa86cacdf","status":"success","error_kind":null}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',15,1795764065095342,'task_finished','scheduler','{"task":"each","position":2,"status":"success"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',16,1795764065095342,'task_finished','scheduler','{"task":"each","position":-1,"status":"success"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',17,1795764065095342,'task_queued','scheduler','{"task":"held","number":1,"id":"01a21be1-1347-7578-88c3-f5b8f67cbd4f"}');
INSERT INTO "events" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',18,1795764065095530,'attempt_started','recorder','{"task":"held","number":1,"id":"01a21be1-1347-7578-88c3-f5b8f67cbd4f"}');
INSERT INTO "events" VALUES('01a21be1-15ce-78b4-89c6-767f1cd04e77',1,1795764065742544,'run_created','root','{"kind":"backfill","scheduled_at":1793496600000000}');
INSERT INTO "events" VALUES('01a21be1-15ce-78b4-89c6-767f1cd04e77',2,1795764065743002,'run_started','scheduler','{}');
INSERT INTO "events" VALUES('01a21be1-15ce-78b4-89c6-767f1cd04e77',3,1795764065743002,'task_queued','scheduler','{"task":"day","number":1,"id":"01a21be1-15cf-7008-beb4-1b26555cb949"}');
INSERT INTO "events" VALUES('01a21be1-15ce-78b4-89c6-767f1cd04e77',4,1795764065743277,'attempt_started','recorder','{"task":"day","number":1,"id":"01a21be1-15cf-7008-beb4-1b26555cb949"}');
INSERT INTO "events" VALUES('01a21be1-15ce-7c9f-8d16-d5580cae73f3',1,1795764065742789,'run_created','root','{"kind":"backfill","scheduled_at":1793583000000000}');
INSERT INTO "events" VALUES('01a21be1-15ce-7c9f-8d16-d5580cae73f3',2,1795764065743192,'run_started','scheduler','{}');
INSERT INTO "events" VALUES('01a21be1-15ce-7c9f-8d16-d5580cae73f3',3,1795764065743192,'task_queued','scheduler','{"task":"day","number":1,"id":"01a21be1-15cf-7312-940b-3696676f4572"}');
INSERT INTO "events" VALUES('01a21be1-15ce-7c9f-8d16-d5580cae73f3',4,1795764065743571,'attempt_started','recorder','{"task":"day","number":1,"id":"01a21be1-15cf-7312-940b-3696676f4572"}');
CREATE TABLE notifications (
	id VARCHAR(36) NOT NULL, 
	project VARCHAR(200) NOT NULL, 
	at BIGINT NOT NULL, 
	dag VARCHAR(200) NOT NULL, 
	build VARCHAR(64) NOT NULL, 
	event VARCHAR(30) NOT NULL, 
	notifier VARCHAR(200) NOT NULL, 
	subject TEXT NOT NULL, 
	message TEXT NOT NULL, 
	status VARCHAR(30) NOT NULL, 
	due_at BIGINT NOT NULL, 
	run_id VARCHAR(36), 
	task VARCHAR(500), 
	position INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	tries INTEGER NOT NULL, 
	sent_at BIGINT, 
	error TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project, dag) REFERENCES dags (project, dag), 
	FOREIGN KEY(build) REFERENCES builds (build), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "notifications" VALUES('01a21be1-10d6-7512-9b71-278d8375fcac','default',1795764064470317,'fails','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','failure','pager','fails: broken failed','The task broken of dag fails, attempt 1, failed: RuntimeError: nothing works

planned for: 2026-11-27 07:21:04 UTC
run: 01a21be1-10c5-7f74-a0b6-076a4a089549
page: http://127.0.0.1:9555/runs/01a21be1-10c5-7f74-a0b6-076a4a089549','pending',1795764074618080,'01a21be1-10c5-7f74-a0b6-076a4a089549','broken',0,1,1,NULL,'Traceback (most recent call last):
  File "/srv/pipeline/work.py", line 43, in refuse
    raise ConnectionError("no route")
ConnectionError: no route');
CREATE TABLE ppacer_meta (
	part VARCHAR(30) NOT NULL, 
	schema_version INTEGER NOT NULL, 
	leader_epoch BIGINT NOT NULL, step INTEGER DEFAULT 0 NOT NULL, leader_host VARCHAR(300), leader_pid INTEGER, leader_since BIGINT, leader_url VARCHAR(300), 
	PRIMARY KEY (part)
);
INSERT INTO "ppacer_meta" VALUES('runs',3,2,0,NULL,NULL,NULL,NULL);
CREATE TABLE runs (
	id VARCHAR(36) NOT NULL, 
	project VARCHAR(200) NOT NULL, 
	dag VARCHAR(200) NOT NULL, 
	build VARCHAR(64) NOT NULL, 
	kind VARCHAR(30) NOT NULL, 
	scheduled_at BIGINT NOT NULL, 
	due_at BIGINT, 
	status VARCHAR(30) NOT NULL, 
	created_at BIGINT NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	previous_at BIGINT, 
	epoch INTEGER NOT NULL, 
	started_at BIGINT, 
	finished_at BIGINT, 
	params TEXT NOT NULL, 
	idempotency_key VARCHAR(200), 
	reason TEXT, 
	outcome VARCHAR(30), 
	late_at BIGINT, 
	backfill VARCHAR(36), 
	ended_at BIGINT, 
	outputs_since BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project, dag) REFERENCES dags (project, dag), 
	CONSTRAINT one_run_per_due_time UNIQUE (project, dag, due_at), 
	CONSTRAINT one_run_per_idempotency_key UNIQUE (project, dag, idempotency_key), 
	FOREIGN KEY(build) REFERENCES builds (build), 
	FOREIGN KEY(backfill) REFERENCES backfills (id)
);
INSERT INTO "runs" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed','default','gone','e0ad6465329082f4bca5b87f1ba1792a2d876e3bb0847a7336ceefc03387e662','manual',1795764062513479,NULL,'success',1795764062513483,'root',NULL,1,1795764062513899,1795764062572610,'{}',NULL,NULL,'success',NULL,NULL,1795764062572610,1795764062572610);
INSERT INTO "runs" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf','default','steps','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','manual',1795764064030549,NULL,'running',1795764064030554,'root',NULL,1,1795764064030884,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES('01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3','default','waits','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','manual',1795764064250245,NULL,'running',1795764064250249,'root',NULL,1,1795764064250619,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549','default','fails','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','manual',1795764064453962,NULL,'failed',1795764064453966,'root',NULL,1,1795764064454784,1795764064470019,'{}',NULL,NULL,'failed',NULL,NULL,1795764064470019,1795764064470019);
INSERT INTO "runs" VALUES('01a21be1-119b-7631-a751-5717c9543cbb','default','queued','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','manual',1795764064667383,NULL,'running',1795764064667387,'root',NULL,1,1795764064667930,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES('01a21be1-125f-77c2-a84a-29220eebee9f','default','queued','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','manual',1795764064863479,NULL,'queued',1795764064863485,'root',NULL,1,NULL,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES('01a21be1-1325-70ed-b332-065b5496e62a','default','fanned','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','manual',1795764065061054,NULL,'running',1795764065061058,'root',NULL,1,1795764065061731,NULL,'{"names":["x","y","z"]}',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES('01a21be1-15ce-78b4-89c6-767f1cd04e77','default','daily','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','backfill',1793496600000000,1793496600000000,'running',1795764065742544,'root',1793410200000000,1,1795764065743002,NULL,'{}',NULL,NULL,NULL,NULL,'01a21be1-15c1-7eac-827e-257f2a995fc7',NULL,NULL);
INSERT INTO "runs" VALUES('01a21be1-15ce-7c9f-8d16-d5580cae73f3','default','daily','66eb0b084027604d190695e5461e2b2fda1aaeb598fff5056db1b30a13809f1c','backfill',1793583000000000,1793583000000000,'running',1795764065742789,'root',1793496600000000,1,1795764065743192,NULL,'{}',NULL,NULL,NULL,NULL,'01a21be1-15c1-7eac-827e-257f2a995fc7',NULL,NULL);
CREATE TABLE tasks (
	run_id VARCHAR(36) NOT NULL, 
	epoch INTEGER NOT NULL, 
	task VARCHAR(500) NOT NULL, 
	position INTEGER NOT NULL, 
	status VARCHAR(30) NOT NULL, 
	attempts INTEGER NOT NULL, 
	lost INTEGER NOT NULL, 
	due_at BIGINT, 
	started_at BIGINT, 
	finished_at BIGINT, 
	output TEXT, 
	error TEXT, 
	label TEXT, 
	reason TEXT, 
	generation INTEGER NOT NULL, 
	PRIMARY KEY (run_id, epoch, task, position), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "tasks" VALUES('01a21be1-0931-77ba-a67f-91415578b5ed',1,'t',0,'success',1,0,NULL,1795764062514319,1795764062572610,'"t"',NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',1,'a',0,'success',1,0,NULL,1795764064031215,1795764064061014,'"a"',NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',1,'b',0,'running',1,0,NULL,1795764064061345,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-0f1e-78dd-b089-1c72853ceebf',1,'c',0,'waiting',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3',1,'ready',0,'running',1,0,NULL,1795764064250926,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-0ffa-73fb-a5bc-a1a6b676d2f3',1,'after',0,'waiting',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-10c5-7f74-a0b6-076a4a089549',1,'broken',0,'failed',1,0,NULL,1795764064455136,1795764064470019,NULL,'Traceback (most recent call last):
  File "/srv/pipeline/work.py", line 36, in gated
    raise RuntimeError("nothing works")
RuntimeError: nothing works
task broken of dag fails (pipeline.ppd:22)',NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-119b-7631-a751-5717c9543cbb',1,'only',0,'running',1,0,NULL,1795764064668677,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',1,'each',-1,'success',0,0,NULL,1795764065061731,1795764065095342,'["x","y","z"]',NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',1,'held',0,'running',1,0,NULL,1795764065095530,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',1,'end',0,'waiting',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',1,'each',0,'success',1,0,NULL,1795764065062295,1795764065095263,'"x"',NULL,'x',NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',1,'each',1,'success',1,0,NULL,1795764065064402,1795764065095032,'"y"',NULL,'y',NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-1325-70ed-b332-065b5496e62a',1,'each',2,'success',1,0,NULL,1795764065064569,1795764065095342,'"z"',NULL,'z',NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-15ce-78b4-89c6-767f1cd04e77',1,'day',0,'running',1,0,NULL,1795764065743277,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "tasks" VALUES('01a21be1-15ce-7c9f-8d16-d5580cae73f3',1,'day',0,'running',1,0,NULL,1795764065743571,NULL,NULL,NULL,NULL,NULL,0);
CREATE INDEX dag_events_by_dag ON dag_events (project, dag, id);
CREATE INDEX backfills_by_status ON backfills (status, id);
CREATE INDEX backfills_by_dag ON backfills (project, dag, id);
CREATE INDEX runs_by_outputs ON runs (outputs_since);
CREATE INDEX runs_by_dag ON runs (project, dag, id);
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_by_backfill ON runs (backfill, id, status) WHERE backfill IS NOT NULL;
CREATE INDEX runs_by_kind ON runs (kind, id);
CREATE INDEX runs_by_end ON runs (ended_at, id);
CREATE INDEX runs_by_end_of_dag ON runs (project, dag, ended_at, id);
CREATE INDEX notifications_by_run ON notifications (run_id, status);
CREATE INDEX notifications_by_status ON notifications (status, id);
CREATE INDEX live_attempts ON attempts (id) WHERE status IN ('queued', 'running', 'deferred');
COMMIT;
