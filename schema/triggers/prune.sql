-- What was deleted stays as it was written down.
CREATE TRIGGER prune_is_not_changed BEFORE UPDATE ON prune
BEGIN
  SELECT RAISE(ABORT, 'Rows of prune are added and never changed.');
END;

CREATE TRIGGER prune_is_not_deleted BEFORE DELETE ON prune
BEGIN
  SELECT RAISE(ABORT, 'Rows of prune are added and never deleted.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER prune_is_not_replaced BEFORE INSERT ON prune
WHEN EXISTS (SELECT 1 FROM prune WHERE prune_id = NEW.prune_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of prune are added and never replaced.');
END;
