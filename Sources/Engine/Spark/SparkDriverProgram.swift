/// The program that runs statements on Spark: Python, because every installation of Spark has it, carried along as text.
///
/// It reads requests from its standard input, a line of JSON each: first how to open the session, then jobs, of which the
/// statements stand in a file, and what to cancel. It answers with events on its standard output. When its input ends, be it
/// that the run is over or that Caudal was killed, it ends with everything that it has started.
enum SparkDriverProgram {
    static let text = #"""
        import json, math, os, re, sys, threading, time

        # Nothing but events leaves on standard output: libraries print, too.
        events = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        lock = threading.Lock()


        def emit(event, **facts):
            line = json.dumps({"event": event, **facts}, default=str, allow_nan=False)
            with lock:
                try:
                    events.write(line + "\n")
                    events.flush()
                except OSError:
                    os._exit(1)


        def beat():
            while True:
                time.sleep(5)
                emit("beat")


        class Cancelled(Exception):
            pass


        spark = context = None
        remote = None
        cancelled, running = set(), {}


        def leave():
            """Ends everything, within seconds."""
            threading.Thread(target=lambda: (time.sleep(8), os._exit(1)), daemon=True).start()
            cancelled.update(running)
            try:
                if context is not None:
                    context.cancelAllJobs()
                for session in list(running.values()):
                    if remote and session is not None:
                        session.interruptAll()
                if spark is not None:
                    spark.stop()
            finally:
                os._exit(0)


        def open_session(request):
            global spark, context, remote
            from pyspark.sql import SparkSession
            import logging
            logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
            remote = request.get("remote")
            builder = SparkSession.builder.appName(request["name"])
            if remote:
                spark = builder.remote(remote).create()
            else:
                for name, value in request["settings"].items():
                    builder = builder.config(name, value)
                spark = builder.master(request["master"]).getOrCreate()
                context = spark.sparkContext
                context.setLogLevel("WARN")
            emit("ready", version=spark.version, ui=context.uiWebUrl if context else None,
                 application=context.applicationId if context else None,
                 java=context._jvm.System.getProperty("java.version") if context else None)


        def new_session(user, settings):
            if remote:
                from pyspark.sql import SparkSession
                session = SparkSession.builder.remote(remote).create()
                for name, value in user.items():
                    session.conf.set(name, value)
            else:
                session = spark.newSession()
            for name, value in settings.items():
                session.conf.set(name, value)
            return session


        def plain(value):
            if isinstance(value, float) and not math.isfinite(value):
                return str(value)
            if isinstance(value, (list, tuple)):
                return [plain(one) for one in value]
            if isinstance(value, dict):
                return {name: plain(one) for name, one in value.items()}
            return value


        def fault(error):
            texts, seen = [], error
            while seen is not None and len(texts) < 8:
                texts.append(str(seen))
                seen = getattr(seen, "cause", None) or getattr(seen, "_cause", None)
            whole = "\n".join(texts)
            raised = re.search(r"\[USER_RAISED_EXCEPTION\] (\x01.*?)(?: SQLSTATE: P0001|\Z)", whole, re.S)
            facts = {"message": (raised.group(1) if raised else whole.split("\n\nJVM stacktrace")[0])[:4000]}
            facts["raised"] = raised is not None
            facts["lacks_memory"] = "OutOfMemoryError" in whole
            for name, ask in (("condition", "getCondition"), ("state", "getSqlState")):
                try:
                    facts[name] = getattr(error, ask)()
                except Exception:
                    pass
            try:
                facts["offset"] = next((one.startIndex() for one in error.getQueryContext() or []), None)
            except Exception:
                pass
            return facts


        class Job:
            def __init__(self, request):
                with open(request["file"]) as file:
                    facts = json.load(file)
                self.id, self.facts, self.number = request["id"], facts, 0
                self.over = threading.Event()
                self.made = set()

            def run(self):
                try:
                    self.session = new_session(self.facts["user"], self.facts["settings"])
                    running[self.id] = self.session
                    self.refuse_cancelled()
                    if remote:
                        self.session.addTag(self.id)
                        self.session.registerProgressHandler(self.told)
                    else:
                        context.setJobGroup(self.id, self.facts["title"], interruptOnCancel=True)
                        threading.Thread(target=self.watch, daemon=True).start()
                    for source in self.facts["sources"]:
                        self.expect_source(source)
                    for statement in self.facts["variables"]:
                        self.session.sql(statement)
                    for self.number, statement in enumerate(self.facts["statements"], 1):
                        self.refuse_cancelled()
                        emit("statement", id=self.id, n=self.number)
                        try:
                            self.execute(statement)
                        except Exception as error:
                            self.refuse_cancelled()
                            if statement["essential"]:
                                raise
                            emit("fault", id=self.id, n=self.number, **fault(error))
                    end = {"event": "done"}
                except Cancelled:
                    end = {"event": "cancelled"}
                except BaseException as error:
                    end = {"event": "cancelled"} if self.id in cancelled else {"event": "failed", **fault(error)}
                self.over.set()
                running.pop(self.id, None)
                try:
                    if remote:
                        self.session.removeProgressHandler(self.told)
                        self.session.stop()
                except Exception:
                    pass
                emit(end.pop("event"), id=self.id, n=self.number, **end)

            def refuse_cancelled(self):
                if self.id in cancelled:
                    raise Cancelled()

            def execute(self, statement):
                do, session = statement["do"], self.session
                if do == "drop":
                    session.catalog.dropTempView(statement["name"])
                elif do == "view":
                    session.sql(statement["sql"]).createOrReplaceTempView(statement["name"])
                elif do == "table":
                    name = statement["name"]
                    if statement["if_missing"]:
                        if name not in self.made:
                            session.sql(statement["sql"]).createOrReplaceTempView(name)
                        return
                    # In a file and not in memory: a lost worker must not make its rows be found anew, in another order.
                    session.sql(statement["sql"]).write.mode("error").parquet(statement["path"])
                    session.read.parquet(statement["glob"]).createOrReplaceTempView(name)
                    self.made.add(name)
                elif do == "run":
                    session.sql(statement["sql"]).write.format("noop").mode("overwrite").save()
                elif do == "rows":
                    for row in session.sql(statement["sql"]).collect():
                        emit("row", id=self.id, n=self.number, row=plain(row.asDict(True)))
                elif do == "columns":
                    for field in session.sql(statement["sql"]).schema:
                        emit("row", id=self.id, n=self.number,
                             row={"caudal": statement["kind"], "name": field.name, "type": field.dataType.simpleString()})
                elif do == "expect":
                    found = session.sql(statement["sql"]).columns
                    if found != statement["columns"]:
                        raise ValueError(
                            "the query gives the columns " + ", ".join(found) + ", and before it ran they were "
                            + ", ".join(statement["columns"]))
                elif do == "note":
                    session.sql("SELECT " + statement["sql"] + " AS v").createOrReplaceTempView("`#caudal.noted`")
                    kind = session.table("`#caudal.noted`").schema[0].dataType.simpleString()
                    session.sql("DECLARE OR REPLACE VARIABLE " + statement["name"] + " " + kind)
                    session.sql("SET VAR " + statement["name"] + " = (SELECT v FROM `#caudal.noted`)")
                elif do == "write":
                    session.sql(statement["sql"]).write.mode("error").parquet(statement["path"])
                    # Of what is there, and by the feet of the files: a task that ran twice has written once.
                    emit("wrote", id=self.id, n=self.number, rows=session.read.parquet(statement["glob"]).count())

            def expect_source(self, source):
                found = {field.name.lower(): field.dataType.simpleString()
                         for field in self.session.read.parquet(source["path"]).schema}
                for column in source["columns"]:
                    kind = found.get(column["name"].lower(), "missing")
                    if kind not in column["types"]:
                        raise ValueError(
                            "column '%s' of %s is %s for Spark, and %s for DuckDB; run the stage on DuckDB"
                            % (column["name"], source["shown"], kind, column["type"]))

            def told(self, stages, inflight_tasks=0, done=False, **_):
                emit("progress", id=self.id, n=self.number, tasks=sum(one.num_tasks for one in stages),
                     done=sum(one.num_completed_tasks for one in stages))

            def watch(self):
                tracker, last = context.statusTracker(), None
                while not self.over.wait(0.25):
                    done = total = failed = 0
                    try:
                        for job in tracker.getJobIdsForGroup(self.id):
                            for stage in getattr(tracker.getJobInfo(job), "stageIds", []):
                                one = tracker.getStageInfo(stage)
                                if one:
                                    done, total = done + one.numCompletedTasks, total + one.numTasks
                                    failed += one.numFailedTasks
                    except Exception:
                        return
                    if (self.number, done, total, failed) != last:
                        last = (self.number, done, total, failed)
                        emit("progress", id=self.id, n=self.number, tasks=total, done=done, failed=failed)


        def serve(request):
            if request["op"] == "job":
                running[request["id"]] = None
                threading.Thread(target=Job(request).run).start()
            elif request["op"] == "cancel":
                cancelled.add(request["id"])
                threading.Thread(target=interrupt, args=(request["id"],), daemon=True).start()


        def interrupt(job):
            """Until it has ended: Spark forgets the wish at once where nothing runs, and a statement may be about to."""
            for tried in range(1000):
                if job not in running:
                    return
                session = running.get(job)
                try:
                    if session is not None and remote:
                        session.interruptAll()
                    elif session is not None:
                        context.cancelJobGroup(job)
                    elif tried > 3:
                        # Its session does not begin; when it does, nothing of the job does.
                        emit("cancelled", id=job, n=0)
                        return
                except Exception:
                    pass
                time.sleep(0.5)


        def read():
            for line in sys.stdin:
                request = json.loads(line)
                if request["op"] == "open":
                    threading.Thread(target=begin, args=(request,), daemon=True).start()
                else:
                    try:
                        serve(request)
                    except Exception as error:
                        emit("failed", id=request.get("id"), n=0, **fault(error))
            leave()


        def begin(request):
            try:
                open_session(request)
            except BaseException as error:
                emit("refused", **fault(error))


        threading.Thread(target=beat, daemon=True).start()
        read()
        """#
}
