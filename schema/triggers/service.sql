-- What was started stays as it was logged.
CREATE TRIGGER service_is_not_changed BEFORE UPDATE ON service
BEGIN
  SELECT RAISE(ABORT, 'Rows of service are added and never changed.');
END;

CREATE TRIGGER service_is_not_deleted BEFORE DELETE ON service
BEGIN
  SELECT RAISE(ABORT, 'Rows of service are added and never deleted.');
END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER service_is_not_replaced BEFORE INSERT ON service
WHEN EXISTS (SELECT 1 FROM service WHERE service_id = NEW.service_id)
BEGIN
  SELECT RAISE(ABORT, 'Rows of service are added and never replaced.');
END;
