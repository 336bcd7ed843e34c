-- What an offer of a person of the team took out of a budget, so that it can be given back when the
-- act is taken back; `returned`: it was. A page that shows it all the same takes it again.
ALTER TABLE interventions ADD COLUMN budget text NOT NULL DEFAULT '';
ALTER TABLE interventions ADD COLUMN period text NOT NULL DEFAULT '';
ALTER TABLE interventions ADD COLUMN minor bigint NOT NULL DEFAULT 0;
ALTER TABLE interventions ADD COLUMN returned boolean NOT NULL DEFAULT false;

-- Of which thread it takes the place, because that one's page leads its person nowhere any more.
ALTER TABLE threads ADD COLUMN instead_of text NOT NULL DEFAULT '';
CREATE INDEX threads_instead_of ON threads (instead_of) WHERE instead_of <> '';
