-- What was asked for stays as it was logged.
CREATE TRIGGER action_is_not_changed BEFORE UPDATE ON action
BEGIN
  SELECT RAISE(ABORT, 'Rows of action are added and never changed.');
END;

-- Only behind a row that says so.
CREATE TRIGGER action_is_not_deleted BEFORE DELETE ON action
WHEN NOT EXISTS (SELECT 1 FROM action_prune
                 WHERE before_action_id > OLD.action_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of action are deleted by galproc db prune alone.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER action_is_not_replaced BEFORE INSERT ON action
WHEN EXISTS (SELECT 1 FROM action WHERE action_id = NEW.action_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of action are added and never replaced.');
END;
