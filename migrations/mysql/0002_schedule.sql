-- Who leads the cluster, and what the scheduler knows of its jobs.

-- One row for each thing that one process does for all. There is no time in it: who wants the lease watches `beat`, and
-- takes it when it stood still for the lease's length by the watcher's own clock, so clocks that jump do no harm.
CREATE TABLE lease (
    name VARCHAR(64) NOT NULL PRIMARY KEY,
    holder LONGTEXT NOT NULL,
    -- Grows each time the lease is taken; what carries a lower one is refused.
    fence BIGINT NOT NULL,
    -- Grows each time the holder says that it lives.
    beat BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- JSON, the scheduler's own; gone with the job.
CREATE TABLE job_state (
    job_id VARCHAR(64) NOT NULL PRIMARY KEY,
    state LONGTEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What became of each fire.
CREATE TABLE job_record (
    job_id VARCHAR(64) NOT NULL,
    -- Counts the records of the job, from 1 on.
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- JSON.
    record LONGTEXT NOT NULL,
    PRIMARY KEY (job_id, number)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What people asked of jobs and the leader has not done yet.
CREATE TABLE job_command (
    id BIGINT NOT NULL PRIMARY KEY,
    job_id VARCHAR(64) NOT NULL,
    at BIGINT NOT NULL,
    -- JSON.
    ask LONGTEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
