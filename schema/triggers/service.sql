-- What was started stays as it was logged.
CREATE TRIGGER service_is_not_changed BEFORE UPDATE ON service
BEGIN
  SELECT RAISE(ABORT, 'Rows of service are added and never changed.');
END;

-- Only behind a row that says so.
CREATE TRIGGER service_is_not_deleted BEFORE DELETE ON service
WHEN NOT EXISTS (SELECT 1 FROM action_prune
                 WHERE before_action_id > OLD.action_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of service are deleted by galproc db prune alone.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER service_is_not_replaced BEFORE INSERT ON service
WHEN EXISTS (SELECT 1 FROM service WHERE service_id = NEW.service_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of service are added and never replaced.');
END;
