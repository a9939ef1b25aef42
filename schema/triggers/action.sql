-- What was asked for stays as it was logged.
CREATE TRIGGER action_is_not_changed BEFORE UPDATE ON action
BEGIN
  SELECT RAISE(ABORT, 'Rows of action are added and never changed.');
END;

CREATE TRIGGER action_is_not_deleted BEFORE DELETE ON action
BEGIN
  SELECT RAISE(ABORT, 'Rows of action are added and never deleted.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER action_is_not_replaced BEFORE INSERT ON action
WHEN EXISTS (SELECT 1 FROM action WHERE action_id = NEW.action_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of action are added and never replaced.');
END;
