import GRDB

/// The tables of the run store, version by version.
///
/// A released version is never edited: each change is a new version.
enum Migrations {
    /// The newest version, stored in `PRAGMA user_version`, so that an older Caudal does not open a newer store.
    static let newest = 10

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: runs, their journal and what follows from it") { db in
            try db.execute(sql: first)
            try db.execute(sql: "PRAGMA user_version = 1")
        }
        migrator.registerMigration("2: what attempts may be spared by") { db in
            try db.execute(sql: second)
            try db.execute(sql: "PRAGMA user_version = 2")
        }
        migrator.registerMigration("3: whose data it is, and what its columns were") { db in
            try db.execute(sql: third)
            try db.execute(sql: "PRAGMA user_version = 3")
        }
        migrator.registerMigration("4: what removed runs left where they published it") { db in
            try db.execute(sql: fourth)
            try db.execute(sql: "PRAGMA user_version = 4")
        }
        migrator.registerMigration("5: how far observers have come") { db in
            try db.execute(sql: fifth)
            try db.execute(sql: "PRAGMA user_version = 5")
        }
        migrator.registerMigration("6: slots of schedules") { db in
            try db.execute(sql: sixth)
            try db.execute(sql: "PRAGMA user_version = 6")
        }
        migrator.registerMigration("7: what failed, and what is to be told of it") { db in
            try db.execute(sql: seventh)
            try FailureRecord.recordOlder(in: db)
            try db.execute(sql: "PRAGMA user_version = 7")
        }
        migrator.registerMigration("8: figures of runs over months") { db in
            try db.execute(sql: eighth)
            try db.execute(sql: "PRAGMA user_version = 8")
        }
        migrator.registerMigration("9: when runs ended last") { db in
            try db.execute(sql: ninth)
            try db.execute(sql: "PRAGMA user_version = 9")
        }
        migrator.registerMigration("10: which run's versions were restored") { db in
            try db.execute(sql: tenth)
            try db.execute(sql: "PRAGMA user_version = 10")
        }
        return migrator
    }

    private static let tenth = """
        -- Which runs' versions operators restored: few among very many events.
        CREATE INDEX events_of_restorations ON events (run, seq) WHERE kind = 'restored';
        """

    private static let ninth = """
        -- When a run last ended so, also one that was removed since.
        ALTER TABLE endings ADD COLUMN last_at INTEGER;
        UPDATE endings SET last_at = (
            SELECT max(ended_at) FROM runs WHERE runs.pipeline = endings.pipeline
                AND coalesce(runs.environment, '') = endings.environment AND runs.status = endings.status);
        """

    private static let eighth = """
        -- How long an attempt's unit waited for a slot before it.
        ALTER TABLE attempts ADD COLUMN queued_ms INTEGER;
        CREATE TEMP TABLE waits AS
            SELECT run, stage, item, attempt, steady - before AS waited FROM (
                SELECT run, stage, coalesce(item, '') AS item, attempt, kind, steady,
                    lag(steady) OVER earlier AS before, lag(kind) OVER earlier AS kind_before
                FROM events WHERE kind IN ('queued', 'attempt_started')
                WINDOW earlier AS (PARTITION BY run, stage, item ORDER BY seq)
            ) WHERE kind = 'attempt_started' AND kind_before = 'queued' AND steady >= before;
        CREATE INDEX temp.waits_by_attempt ON waits (run, stage, item, attempt);
        UPDATE attempts SET queued_ms = (
            SELECT waited FROM waits WHERE waits.run = attempts.run AND waits.stage = attempts.stage
                AND waits.item = attempts.item AND waits.attempt = attempts.attempt);
        DROP TABLE waits;

        -- What operators asked of runs: few among very many events.
        CREATE INDEX events_of_commands ON events (run, seq) WHERE kind = 'command_received';

        -- How often runs ended, and how: counted once for each end, also of runs that were removed since, so that the figures
        -- only ever grow. The environment is empty where there is none.
        CREATE TABLE endings (
            pipeline TEXT NOT NULL,
            environment TEXT NOT NULL,
            status TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (pipeline, environment, status)
        ) WITHOUT ROWID;
        INSERT INTO endings
            SELECT pipeline, coalesce(environment, ''), status, count(*) FROM runs
            WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3;
        """

    private static let seventh = """
        -- What failed, a row for each series of attempts with the same fingerprint, `tries` of them from `attempt` on;
        -- `is_final` where no retry of its own was left. Rows of runs that were removed stay.
        CREATE TABLE failures (
            run TEXT NOT NULL,
            stage TEXT NOT NULL,
            item TEXT NOT NULL DEFAULT '',
            attempt INTEGER NOT NULL,
            pipeline TEXT NOT NULL,
            environment TEXT,
            fingerprint TEXT NOT NULL,
            message TEXT NOT NULL,
            kind TEXT,
            at INTEGER NOT NULL,
            last_at INTEGER NOT NULL,
            tries INTEGER NOT NULL,
            is_final INTEGER NOT NULL DEFAULT 0,
            -- When and by whom it was cleared, and by how many retries; nobody where that were its own retries, no
            -- number where it was marked.
            cleared_at INTEGER,
            cleared_by TEXT,
            retries INTEGER,
            PRIMARY KEY (run, stage, item, attempt)
        ) WITHOUT ROWID;
        CREATE INDEX failures_by_fingerprint ON failures (pipeline, stage, fingerprint, at);

        -- What is sent to whom, in the order in which it became known. The settings of a channel have their references
        -- unfilled; `holder` is the process that is sending it.
        CREATE TABLE deliveries (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            event TEXT NOT NULL,
            occasion TEXT NOT NULL,
            pipeline TEXT NOT NULL,
            run TEXT,
            stage TEXT,
            target TEXT NOT NULL,
            channel TEXT NOT NULL,
            file TEXT NOT NULL,
            root TEXT NOT NULL,
            notice TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            state TEXT NOT NULL DEFAULT 'waiting',
            tries INTEGER NOT NULL DEFAULT 0,
            next_at INTEGER NOT NULL,
            done_at INTEGER,
            failure TEXT,
            holder TEXT
        );
        CREATE INDEX deliveries_waiting ON deliveries (target, number) WHERE state = 'waiting';
        CREATE INDEX deliveries_by_run ON deliveries (run);
        CREATE INDEX deliveries_by_pipeline ON deliveries (pipeline, occasion, created_at);
        """

    private static let sixth = """
        -- How far the slots of each schedule are decided; another definition begins anew.
        CREATE TABLE schedules (
            pipeline TEXT NOT NULL,
            schedule TEXT NOT NULL,
            definition TEXT NOT NULL,
            decided_through INTEGER NOT NULL,
            PRIMARY KEY (pipeline, schedule)
        ) WITHOUT ROWID;

        -- What was decided about slots, in order. `planned` and `date` are those of the last slot of a row, `first` is the
        -- first one's time. Only rows that are to run have a run, and each has one at most.
        CREATE TABLE slots (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            pipeline TEXT NOT NULL,
            schedule TEXT NOT NULL,
            first INTEGER NOT NULL,
            planned INTEGER NOT NULL,
            date TEXT NOT NULL,
            count INTEGER NOT NULL DEFAULT 1,
            is_at_least INTEGER NOT NULL DEFAULT 0,
            outcome TEXT NOT NULL,
            reason TEXT NOT NULL DEFAULT '',
            decided_at INTEGER NOT NULL,
            starts INTEGER NOT NULL DEFAULT 0,
            run TEXT
        );
        CREATE INDEX slots_by_time ON slots (pipeline, schedule, planned);
        CREATE INDEX slots_by_run ON slots (run) WHERE run IS NOT NULL;
        CREATE INDEX slots_to_start ON slots (outcome) WHERE run IS NULL AND outcome IN ('run', 'caught up');
        CREATE INDEX slots_to_tell ON slots (decided_at) WHERE outcome IN ('late', 'missed', 'failed');

        -- Which runs are under way is asked often, and the table is large.
        CREATE INDEX runs_under_way ON runs (pipeline) WHERE status = 'running';

        -- When schedules were paused, and by whom.
        CREATE TABLE pauses (
            pipeline TEXT NOT NULL,
            schedule TEXT NOT NULL,
            paused_from INTEGER NOT NULL,
            paused_until INTEGER,
            reason TEXT NOT NULL,
            by TEXT NOT NULL,
            PRIMARY KEY (pipeline, schedule, paused_from)
        ) WITHOUT ROWID;

        -- What has arrived for schedules that wait for it; `slot` is its time, NULL for what was there when the schedule came.
        CREATE TABLE arrivals (
            pipeline TEXT NOT NULL,
            schedule TEXT NOT NULL,
            source TEXT NOT NULL,
            version TEXT NOT NULL,
            mark TEXT NOT NULL DEFAULT '',
            slot INTEGER,
            PRIMARY KEY (pipeline, schedule, source, version)
        ) WITHOUT ROWID;
        """

    private static let fifth = """
        -- Who hears of runs; `failures` counts its failures since its last success, the other columns tell of the last one.
        CREATE TABLE observers (
            name TEXT NOT NULL PRIMARY KEY,
            begun_at INTEGER NOT NULL,
            failures INTEGER NOT NULL DEFAULT 0,
            failed_at INTEGER,
            failure TEXT
        ) WITHOUT ROWID;

        -- The last event of a run that an observer was handed; without a row it has heard of none.
        CREATE TABLE observer_cursors (
            observer TEXT NOT NULL,
            run TEXT NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (observer, run)
        ) WITHOUT ROWID;

        -- What an observer remembers, changed in the transaction that moves its cursors.
        CREATE TABLE observer_notes (
            observer TEXT NOT NULL,
            key TEXT NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (observer, key)
        ) WITHOUT ROWID;
        """

    private static let fourth = """
        -- What stood at a path when the run that had published it was removed; `makers` has fingerprints of the definitions
        -- that it was made by. A later publication at the path takes the row away.
        CREATE TABLE pruned_outputs (
            path TEXT NOT NULL PRIMARY KEY,
            run TEXT NOT NULL,
            stage TEXT NOT NULL,
            dataset TEXT,
            bytes INTEGER NOT NULL,
            row_count INTEGER,
            columns TEXT NOT NULL,
            content_hash TEXT,
            mark TEXT,
            started_at INTEGER NOT NULL,
            parameters TEXT NOT NULL,
            environment TEXT,
            makers TEXT NOT NULL
        ) WITHOUT ROWID;
        """

    private static let third = """
        -- Where the run keeps its version of a file, from the state folder on, and what the file is known by.
        ALTER TABLE artifacts ADD COLUMN kept TEXT;
        ALTER TABLE artifacts ADD COLUMN mark TEXT;
        CREATE INDEX artifacts_kept ON artifacts (run) WHERE kept IS NOT NULL;

        -- The run that made a file, where that is another one than the one that read it.
        ALTER TABLE inputs ADD COLUMN made_by TEXT;

        -- The paths that live runs write, absolute, with `*` for what is not known before; rows of dead runs count for
        -- nothing.
        CREATE TABLE claims (
            run TEXT NOT NULL,
            path TEXT NOT NULL,
            PRIMARY KEY (run, path)
        ) WITHOUT ROWID;

        -- The columns that a stage found in what it reads from outside, when it last succeeded.
        CREATE TABLE shapes (
            pipeline TEXT NOT NULL,
            environment TEXT NOT NULL,
            stage TEXT NOT NULL,
            dataset TEXT NOT NULL,
            run TEXT NOT NULL,
            columns TEXT NOT NULL,
            PRIMARY KEY (pipeline, environment, stage, dataset)
        ) WITHOUT ROWID;
        """

    private static let second = """
        -- The last success for each thing that decides what comes out; `seq` is the event that has its result.
        CREATE TABLE successes (
            pipeline TEXT NOT NULL,
            stage TEXT NOT NULL,
            item TEXT NOT NULL,
            key TEXT NOT NULL,
            run TEXT NOT NULL,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (pipeline, stage, item, key)
        ) WITHOUT ROWID;
        CREATE INDEX successes_by_run ON successes (run);

        -- Fingerprints of files that had not changed when they were read, by what tells that they have.
        CREATE TABLE fingerprints (
            path TEXT NOT NULL PRIMARY KEY,
            bytes INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            inode INTEGER NOT NULL,
            content_hash TEXT NOT NULL
        ) WITHOUT ROWID;
        """

    private static let first = """
        CREATE TABLE runs (
            id TEXT NOT NULL PRIMARY KEY,
            pipeline TEXT NOT NULL,
            file TEXT NOT NULL,
            root TEXT NOT NULL,
            environment TEXT,
            parameters TEXT NOT NULL,
            trigger TEXT NOT NULL,
            status TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            ended_at INTEGER,
            duration_ms INTEGER,
            stage_count INTEGER NOT NULL,
            plan TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX runs_by_pipeline ON runs (pipeline, id);

        -- The journal: everything that happened, in order. All other tables can be made from it.
        CREATE TABLE events (
            run TEXT NOT NULL,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            steady INTEGER NOT NULL,
            kind TEXT NOT NULL,
            stage TEXT,
            item TEXT,
            attempt INTEGER,
            detail TEXT,
            PRIMARY KEY (run, seq)
        ) WITHOUT ROWID;

        CREATE TABLE attempts (
            run TEXT NOT NULL,
            stage TEXT NOT NULL,
            item TEXT NOT NULL DEFAULT '',
            attempt INTEGER NOT NULL,
            ending TEXT NOT NULL,
            ended_at INTEGER NOT NULL,
            duration_ms INTEGER NOT NULL,
            exit TEXT,
            failure TEXT,
            cpu_ms INTEGER,
            peak_memory INTEGER,
            rows_read INTEGER,
            rows_written INTEGER,
            rows_quarantined INTEGER,
            rows_duplicate INTEGER,
            rows_dropped INTEGER,
            PRIMARY KEY (run, stage, item, attempt)
        ) WITHOUT ROWID;

        CREATE TABLE stages (
            run TEXT NOT NULL,
            stage TEXT NOT NULL,
            pipeline TEXT NOT NULL,
            outcome TEXT NOT NULL,
            reason TEXT,
            ended_at INTEGER NOT NULL,
            duration_ms INTEGER,
            PRIMARY KEY (run, stage)
        ) WITHOUT ROWID;
        CREATE INDEX stages_by_name ON stages (pipeline, stage, outcome, run);

        CREATE TABLE artifacts (
            run TEXT NOT NULL,
            stage TEXT NOT NULL,
            item TEXT NOT NULL DEFAULT '',
            attempt INTEGER NOT NULL,
            dataset TEXT,
            path TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            row_count INTEGER,
            columns TEXT NOT NULL,
            content_hash TEXT,
            PRIMARY KEY (run, stage, item, attempt, path)
        ) WITHOUT ROWID;
        CREATE INDEX artifacts_by_path ON artifacts (path, run);

        CREATE TABLE inputs (
            run TEXT NOT NULL,
            stage TEXT NOT NULL,
            item TEXT NOT NULL DEFAULT '',
            attempt INTEGER NOT NULL,
            dataset TEXT,
            path TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            content_hash TEXT,
            PRIMARY KEY (run, stage, item, attempt, path)
        ) WITHOUT ROWID;

        CREATE TABLE checks (
            run TEXT NOT NULL,
            stage TEXT NOT NULL,
            item TEXT NOT NULL DEFAULT '',
            attempt INTEGER NOT NULL,
            id TEXT NOT NULL,
            part TEXT NOT NULL DEFAULT '',
            pipeline TEXT NOT NULL,
            kind TEXT NOT NULL,
            severity TEXT NOT NULL,
            outcome TEXT NOT NULL,
            measured REAL,
            failing_rows INTEGER,
            total_rows INTEGER,
            expectation TEXT NOT NULL,
            message TEXT NOT NULL,
            waiver TEXT,
            PRIMARY KEY (run, stage, item, attempt, id, part)
        ) WITHOUT ROWID;
        CREATE INDEX checks_by_id ON checks (pipeline, stage, id, run);

        -- Lines of warning and above, so that a question across runs never reads the logs.
        CREATE TABLE remarks (
            run TEXT NOT NULL,
            at INTEGER NOT NULL,
            level TEXT NOT NULL,
            stage TEXT,
            item TEXT,
            attempt INTEGER,
            stream TEXT NOT NULL,
            message TEXT NOT NULL
        );
        CREATE INDEX remarks_by_time ON remarks (at);
        CREATE INDEX remarks_by_run ON remarks (run, at);

        -- What attempts hold of pools, processors and memory, across all runs; rows of dead runs count for nothing.
        CREATE TABLE leases (
            run TEXT NOT NULL,
            stage TEXT NOT NULL,
            item TEXT NOT NULL DEFAULT '',
            pool TEXT,
            cpu REAL NOT NULL DEFAULT 0,
            memory INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (run, stage, item)
        ) WITHOUT ROWID;
        """
}
