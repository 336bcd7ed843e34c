-- Which visit an event is of, in eight bytes. A report over ten million events spent most of its time
-- on reading the 32 letters of `session_id`; with this it takes half as long. Two of ten million visits fall
-- together in one of 400,000 such data sets, so counts may be taken by it; rows are kept apart by
-- `session_id`, as before. Parts from before have it worked out while they are read.
ALTER TABLE sentientiq.events
    ADD COLUMN IF NOT EXISTS session_hash UInt64
        MATERIALIZED cityHash64(session_id) CODEC(Delta, ZSTD(1)) AFTER session_id;
