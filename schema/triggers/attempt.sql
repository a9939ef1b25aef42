-- What was tried stays as it was logged.
CREATE TRIGGER attempt_is_not_changed BEFORE UPDATE ON attempt
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt are added and never changed.');
END;

-- Only behind a row that says so.
CREATE TRIGGER attempt_is_not_deleted BEFORE DELETE ON attempt
WHEN NOT EXISTS (SELECT 1 FROM action_prune
                 WHERE before_action_id > OLD.action_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt are deleted by galproc db prune alone.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER attempt_is_not_replaced BEFORE INSERT ON attempt
WHEN EXISTS (SELECT 1 FROM attempt WHERE attempt_id = NEW.attempt_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt are added and never replaced.');
END;
