-- What kind of company a session's is, and what the tenant's own sources know about it.

ALTER TABLE sessions
    ADD COLUMN company_kind     text NOT NULL DEFAULT '',
    ADD COLUMN company_parent   text NOT NULL DEFAULT '',
    ADD COLUMN enriched_for     bytea, -- keyed hash of whom the look-up was about; NULL: none yet
    ADD COLUMN enriched         bytea NOT NULL DEFAULT '', -- encrypted JSON; empty: nothing known
    ADD COLUMN enriched_company text NOT NULL DEFAULT '',
    ADD COLUMN enriched_owner   text NOT NULL DEFAULT '';
