-- The chain stays as it was written: by each of its keys.
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger
BEGIN
  SELECT RAISE(ABORT, 'Rows of ledger are added and never changed.');
END;

CREATE TRIGGER ledger_is_not_deleted BEFORE DELETE ON ledger
BEGIN
  SELECT RAISE(ABORT, 'Rows of ledger are added and never deleted.');
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
