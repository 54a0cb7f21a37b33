-- Who leads the cluster, and what the scheduler knows of its jobs.

-- One row for each thing that one process does for all. There is no time in it: who wants the lease watches `beat`, and
-- takes it when it stood still for the lease's length by the watcher's own clock, so clocks that jump do no harm.
CREATE TABLE lease (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    -- Grows each time the lease is taken; what carries a lower one is refused.
    fence BIGINT NOT NULL,
    -- Grows each time the holder says that it lives.
    beat BIGINT NOT NULL
);

-- JSON, the scheduler's own; gone with the job.
CREATE TABLE job_state (
    job_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state TEXT NOT NULL
);

-- What became of each fire.
CREATE TABLE job_record (
    job_id TEXT COLLATE "C" NOT NULL,
    -- Counts the records of the job, from 1 on.
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- JSON.
    record TEXT NOT NULL,
    PRIMARY KEY (job_id, number)
);

-- What people asked of jobs and the leader has not done yet.
CREATE TABLE job_command (
    id BIGINT NOT NULL PRIMARY KEY,
    job_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    -- JSON.
    ask TEXT NOT NULL
);
