<?php /* <mgt-person user-id="php-comment" show-presence></mgt-person> */ ?>
<?php foreach ($people as $p): ?>
  <mgt-person user-id="<?= $p['id'] ?>" show-presence></mgt-person>
<?php endforeach ?>
