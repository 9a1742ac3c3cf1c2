import { Component, Inject } from "@angular/core";
@Component({
  selector: "app-people",
  template: `<mgt-person *ngFor="let p of people" [userId]="p.id" show-presence (updated)="seen(p)"></mgt-person>`,
})
export class PeopleComponent {
  constructor(@Inject("people") readonly people: { id: string }[]) {}
}
