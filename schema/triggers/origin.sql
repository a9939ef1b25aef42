-- The beginning of the ledger stays as it was made.
CREATE TRIGGER origin_is_not_changed BEFORE UPDATE ON origin
BEGIN
  SELECT RAISE(ABORT, 'Rows of origin are added and never changed.');
END;

CREATE TRIGGER origin_is_not_deleted BEFORE DELETE ON origin
BEGIN
  SELECT RAISE(ABORT, 'Rows of origin are added and never deleted.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER origin_is_not_replaced BEFORE INSERT ON origin
WHEN EXISTS (SELECT 1 FROM origin)
BEGIN
  SELECT RAISE(ABORT, 'Rows of origin are added and never replaced.');
END;
