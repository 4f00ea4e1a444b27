-- Does it work? Each step is tried, and says what to change where it fails
SELECT name, ok, detail, hint
FROM tiktok.check('tiktok');
