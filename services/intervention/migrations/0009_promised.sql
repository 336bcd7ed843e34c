-- Decisions that still have to be appended to the log, one row for each commit that made some. The
-- records stand in `decisions`: they are not written twice. Whoever committed them appends them; a
-- row that is left belongs to a process that did not come to it, and any other takes it.
CREATE TABLE promised (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decision_ids text[] NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
