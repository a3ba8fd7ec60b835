-- As an application's own session does, in which a policy hides rows and refuses none.
set row_security = on
