-- What was tried stays as it was logged.
CREATE TRIGGER attempt_is_not_changed BEFORE UPDATE ON attempt
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt are added and never changed.');
END;

CREATE TRIGGER attempt_is_not_deleted BEFORE DELETE ON attempt
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt are added and never deleted.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER attempt_is_not_replaced BEFORE INSERT ON attempt
WHEN EXISTS (SELECT 1 FROM attempt WHERE attempt_id = NEW.attempt_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of attempt are added and never replaced.');
END;
