-- What came of an attempt stays as it was logged.
CREATE TRIGGER attempt_outcome_is_not_changed BEFORE UPDATE ON attempt_outcome
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt_outcome are added and never changed.');
END;

-- Only behind a row that says so.
CREATE TRIGGER attempt_outcome_is_not_deleted BEFORE DELETE ON attempt_outcome
WHEN NOT EXISTS (SELECT 1 FROM action_prune
                 WHERE before_action_id > (SELECT action_id FROM attempt WHERE attempt_id = OLD.attempt_id))
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt_outcome are deleted by galproc db prune alone.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER attempt_outcome_is_not_replaced BEFORE INSERT ON attempt_outcome
WHEN EXISTS (SELECT 1 FROM attempt_outcome
             WHERE attempt_id = NEW.attempt_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt_outcome are added and never replaced.');
END;
