-- W3C trace context of what a row came from; empty where nothing is traced.
ALTER TABLE outbox ADD COLUMN traceparent text NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN traceparent text NOT NULL DEFAULT '';
