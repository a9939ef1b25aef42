-- What came of an action stays as it was logged.
CREATE TRIGGER action_outcome_is_not_changed BEFORE UPDATE ON action_outcome
BEGIN
  SELECT RAISE(ABORT, 'Rows of action_outcome are added and never changed.');
END;

-- Only behind a row that says so.
CREATE TRIGGER action_outcome_is_not_deleted BEFORE DELETE ON action_outcome
WHEN NOT EXISTS (SELECT 1 FROM action_prune
                 WHERE before_action_id > OLD.action_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of action_outcome are deleted by galproc db prune alone.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER action_outcome_is_not_replaced BEFORE INSERT ON action_outcome
WHEN EXISTS (SELECT 1 FROM action_outcome WHERE action_id = NEW.action_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of action_outcome are added and never replaced.');
END;
