-- What was deleted from the log stays as it was written down.
CREATE TRIGGER action_prune_is_not_changed BEFORE UPDATE ON action_prune
BEGIN
  SELECT RAISE(ABORT, 'Rows of action_prune are added and never changed.');
END;

CREATE TRIGGER action_prune_is_not_deleted BEFORE DELETE ON action_prune
BEGIN
  SELECT RAISE(ABORT, 'Rows of action_prune are added and never deleted.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER action_prune_is_not_replaced BEFORE INSERT ON action_prune
WHEN EXISTS (SELECT 1 FROM action_prune WHERE action_id = NEW.action_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of action_prune are added and never replaced.');
END;
