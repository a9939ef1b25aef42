-- The chain stays as it was written: by each of its keys.
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger
BEGIN
  SELECT RAISE(ABORT, 'Rows of ledger are added and never changed.');
END;

-- Only behind a row that says so.
CREATE TRIGGER ledger_is_not_deleted BEFORE DELETE ON ledger
WHEN NOT EXISTS (SELECT 1 FROM action_prune WHERE before_seq > OLD.seq)
BEGIN
  SELECT RAISE(ABORT, 'Rows of ledger are deleted by galproc db prune alone.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER ledger_is_not_replaced BEFORE INSERT ON ledger
WHEN EXISTS (SELECT 1 FROM ledger WHERE seq = NEW.seq)
  OR EXISTS (SELECT 1 FROM ledger WHERE prev_hash = NEW.prev_hash)
  OR EXISTS (SELECT 1 FROM ledger
             WHERE table_name = NEW.table_name AND row_id = NEW.row_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of ledger are added and never replaced.');
END;
